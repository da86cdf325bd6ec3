//! `qmpsh scripts`: the ready-made scripts, listed, or one shown to be copied and edited.

use clap::Args;
use serde_json::json;

use super::finish;
use super::options::Options;
use crate::nearest::did_you_mean;
use crate::report::{Exit, Report};
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
    if !json {
        return ready_made::list();
    }
    let list: Vec<_> = ready_made::summaries()
        .map(|(name, summary)| json!({"name": name, "summary": summary}))
        .collect();
    result::json(&json!(list), false)
}
