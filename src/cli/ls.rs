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
use crate::inventory::{Filter, Scan, callable, too_short};
use crate::nearest::did_you_mean;
use crate::report::{Exit, Kind, Report};
use crate::script::error::Ended;
use crate::script::result;
use crate::script::run::Current;
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
        let patterns = self.patterns.into_iter();
        let patterns = patterns.map(|text| Filter::called(&text).map(|filter| (text, filter)));
        let patterns: Vec<(String, Filter)> = match patterns.collect() {
            Ok(patterns) => patterns,
            Err(wrong) => return finish::complain(&Report::usage(wrong), options),
        };
        let mut hasty = options.clone();
        hasty.timeout.get_or_insert(PATIENCE);
        one_shot::perform(&hasty, |current| list(current, &patterns, options))
    }
}

/// Finds, asks and shows.
fn list(
    current: &Current,
    patterns: &[(String, Filter)],
    options: &Options,
) -> Result<Exit, Ended> {
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
    let mut unmet = None;
    if !patterns.is_empty() {
        unmet = fits_none(&rows, patterns);
        rows.retain(|row| {
            patterns
                .iter()
                .any(|(_, pattern)| pattern.admits(&row.found))
        });
        if let (true, Some(report)) = (rows.is_empty(), &unmet) {
            return Err(report.clone().into());
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
            finish::print(&result::json(&list, false), options)
        } else if io::stdout().is_terminal() {
            as_they_answer(rows, settings, options).await
        } else {
            let rows = asked(rows, settings).await;
            let lines: Vec<String> = rows.iter().map(Row::line).collect();
            finish::print(&lines.join("\n"), options)
        }
    };
    let show = async { Ok::<_, Report>(show.await) };
    let shown = current.ask("VMs to answer", show)?;
    Ok(match unmet {
        Some(report) if shown == Exit::Done => finish::complain(&report, options),
        _ => shown,
    })
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

/// Tells of the patterns that no VM fits, if there are any.
fn fits_none(rows: &[Row], patterns: &[(String, Filter)]) -> Option<Report> {
    let fits_none = |filter: &Filter| !rows.iter().any(|row| filter.admits(&row.found));
    let unmet = patterns.iter().filter(|(_, filter)| fits_none(filter));
    let names: Vec<String> = unmet.clone().map(|(name, _)| format!("`{name}`")).collect();
    let (first, _) = unmet.clone().next()?;
    let found = || rows.iter().map(|row| &row.found);
    let hint = match found().find_map(|vm| too_short(first, vm)) {
        Some(digits) => format!("the beginning of a UUID takes four digits: `{digits}`"),
        None => did_you_mean(first, found().flat_map(callable))
            .unwrap_or_else(|| "`qmpsh ls` lists all".to_owned()),
    };
    let report = Report::usage(format!(
        "no VM that is found here fits {}",
        names.join(", ")
    ));
    Some(report.with_hint(hint).with_exit(Exit::Unreachable))
}

/// Tells that there are no VMs, and where they were looked for.
fn nothing<'a>(providers: impl Iterator<Item = &'a str>) -> String {
    let places: Vec<&str> = providers.collect();
    match places.join(", ") {
        none if none.is_empty() => {
            "no VMs are found here: the configuration names none, and has nothing searched"
                .to_owned()
        }
        places => format!("no VMs are found here; looked for by: {places}"),
    }
}
