//! `qmpsh scripts`: the ready-made scripts, listed, or one shown to be copied and edited.

use clap::Args;
use serde_json::json;

use super::finish;
use super::options::Options;
use crate::nearest::did_you_mean;
use crate::report::{Exit, Report};
use crate::script::header::Header;
use crate::script::ready_made;
use crate::script::result;

/// List the ready-made scripts, or show one
#[derive(Debug, Args)]
pub(super) struct Scripts {
    /// The script to show; redirect it to a file to edit it
    name: Option<String>,
}

impl Scripts {
    pub(super) fn execute(self, options: &Options) -> Exit {
        let text = match &self.name {
            None => list(options.json),
            Some(name) => match ready_made::find(name) {
                Some(script) if options.json => {
                    result::json(&json!({"name": name, "text": script}), false)
                }
                Some(script) => script.trim_end().to_owned(),
                None => {
                    let mut report =
                        Report::usage(format!("there is no ready-made script `{name}`"));
                    report.hint = did_you_mean(name, ready_made::names());
                    return finish::complain(&report, options);
                }
            },
        };
        finish::print(&text, options)
    }
}

fn list(json: bool) -> String {
    let scripts = ready_made::names().map(|name| {
        let header = ready_made::find(name)
            .and_then(|script| Header::read(script).ok())
            .unwrap_or_default();
        (name, header.summary)
    });
    if json {
        let list: Vec<_> = scripts
            .map(|(name, summary)| json!({"name": name, "summary": summary}))
            .collect();
        return result::json(&json!(list), false);
    }
    let scripts: Vec<_> = scripts.collect();
    let width = scripts
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0);
    let lines: Vec<String> = scripts
        .iter()
        .map(|(name, summary)| format!("{name:width$}  {summary}"))
        .collect();
    lines.join("\n")
}
