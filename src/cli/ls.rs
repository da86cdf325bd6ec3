//! `qmpsh ls`: the VMs that are found here and how each is. It owns which are listed, in which order and when; a row is
//! `row`'s, how rows are laid out `table`'s.

mod row;
mod table;

use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use tokio::time::sleep;

use self::row::Row;
use self::table::Table;
use super::options::Options;
use super::{finish, one_shot};
use crate::inventory::{Filter, Scan};
use crate::report::{Exit, Kind, Report};
use crate::script::run::{Current, Ended};
use crate::vm::survey::survey;
use crate::vm::{Settings, Vm};

/// How long a monitor may take to answer, unless `--timeout` says.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long those at a terminal wait for the first VMs; then they see what there is, and the others as they answer.
const GLANCE: Duration = Duration::from_millis(500);

/// List the VMs that are found on this host, and how each is
///
/// On a terminal it is a table, in which VMs that are slow to answer come last. In a pipe each VM is a line of seven
/// columns with tabs between them: name, UUID, state, QEMU's version, agent, provider, and a note; what is not known is
/// `-`.
///
/// The state is QEMU's own word (running, paused, prelaunch, ...) or: shut off; busy, where another client holds the
/// monitor, and the note says who; silent, where it does not answer in time; denied; stale, where its socket is left and
/// nobody listens; foreign, where another program or another VM answers; gone, where it ended meanwhile; unreachable,
/// where it has no monitor that can be used. The agent is up, down, frozen, none, or busy with another client.
///
/// The exit code is 0 also where VMs are silent: the list is what was asked for. It is 3 where a PATTERN fits no VM.
#[derive(Debug, Args)]
pub(super) struct Ls {
    /// Only the VMs of that name, label, id or beginning of a UUID; * and ? stand for any characters
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,
}

impl Ls {
    pub(super) fn execute(self, options: &Options) -> Exit {
        let patterns = self.patterns.iter().map(|text| Filter::called(text));
        let patterns: Vec<Filter> = match patterns.collect() {
            Ok(patterns) => patterns,
            Err(wrong) => return finish::complain(&Report::usage(wrong), options),
        };
        let mut hasty = options.clone();
        hasty.timeout.get_or_insert(PATIENCE);
        one_shot::perform(&hasty, |current| list(current, &patterns, options))
    }
}

/// Finds, asks and shows.
fn list(current: &Current, patterns: &[Filter], options: &Options) -> Result<Exit, Ended> {
    let inventory = current.run().inventory();
    let scan = async { Ok::<_, Report>(inventory.scan().await) };
    let Scan { found, troubles } = current.ask("VMs to be found", scan)?;
    for trouble in &troubles {
        let message = format!(
            "no VMs of `{}` are listed: {}",
            trouble.provider, trouble.why
        );
        finish::warn(&Report::new(Kind::Host, message), options);
    }
    let mut rows: Vec<Row> = found.into_iter().map(Row::new).collect();
    if !patterns.is_empty() {
        rows.retain(|row| patterns.iter().any(|pattern| pattern.admits(&row.found)));
        if rows.is_empty() {
            let report = Report::new(Kind::Gone, "no VM that is found here fits");
            return Err(report.with_hint("`qmpsh ls` lists all").into());
        }
    }
    rows.sort_by_cached_key(Row::order);
    if rows.is_empty() && !options.json {
        finish::tell(&nothing(inventory.providers()));
        return Ok(Exit::Done);
    }
    let settings = current.run().fleet().settings();
    let show = async {
        if options.json {
            let rows = asked(rows, settings).await;
            let list: Value = rows.iter().map(Row::json).collect();
            finish::print(&list.to_string(), options)
        } else if io::stdout().is_terminal() {
            as_they_answer(rows, settings, options).await
        } else {
            let rows = asked(rows, settings).await;
            let lines: Vec<String> = rows.iter().map(Row::line).collect();
            finish::print(&lines.join("\n"), options)
        }
    };
    let show = async { Ok::<_, Report>(show.await) };
    current.ask("VMs to answer", show)
}

/// Asks all VMs, and gives the rows when the last has answered.
async fn asked(rows: Vec<Row>, settings: &Arc<Settings>) -> Vec<Row> {
    let rows = RefCell::new(rows);
    ask(&rows, settings).await;
    rows.into_inner()
}

/// Asks all VMs, and prints those that answer at once in their order, and then the others as they do.
async fn as_they_answer(rows: Vec<Row>, settings: &Arc<Settings>, options: &Options) -> Exit {
    let mut table = Table::new(&rows, options.color_on(&io::stdout()));
    let mut exit = finish::print_drawn(&table.head(), options);
    let rows = RefCell::new(rows);
    let mut asking = pin!(ask(&rows, settings));
    loop {
        let is_over = tokio::select! {
            biased;
            () = &mut asking => true,
            () = sleep(GLANCE) => false,
        };
        for line in table.new_lines(&rows.borrow()) {
            if exit == Exit::Done {
                exit = finish::print_drawn(&line, options);
            }
        }
        if is_over {
            return exit;
        }
    }
}

/// Asks the VMs of all rows that are not known yet, side by side.
async fn ask(rows: &RefCell<Vec<Row>>, settings: &Arc<Settings>) {
    let (mut places, mut vms) = (Vec::new(), Vec::new());
    for (place, row) in rows.borrow().iter().enumerate() {
        if let Some(target) = row.target() {
            places.push(place);
            vms.push(Vm::new(target, Arc::clone(settings)));
        }
    }
    survey(&vms, |vm, probed| {
        rows.borrow_mut()[places[vm]].probed = Some(probed);
    })
    .await;
    for row in rows.borrow_mut().iter_mut() {
        row.probed.get_or_insert_default();
    }
}

/// Tells that there are no VMs, and where they were looked for.
fn nothing<'a>(providers: impl Iterator<Item = &'a str>) -> String {
    let places: Vec<&str> = providers.collect();
    format!(
        "no VMs are found here; looked for by: {}",
        places.join(", ")
    )
}
