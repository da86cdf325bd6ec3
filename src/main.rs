//! Parses the command line, runs it, and ends with its exit code.

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if words.get(1).map(String::as_str) == Some("thaw") {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("runtime");
        runtime
            .block_on(qmpsh::vm::freeze::guardian::guard(std::path::Path::new(
                &words[3],
            )))
            .expect("guard");
    }
}
