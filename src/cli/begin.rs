//! How a command begins: the settings that come from the process's surroundings, the options and the configuration, and a
//! script's run with signals handled.

use std::panic;

use super::options::Options;
use super::{finish, modes, told};
use crate::inventory::config::{self, Places};
use crate::inventory::{Config, Inventory};
use crate::report::{Exit, Report};
use crate::script::output::Output;
use crate::script::{Failure, Outcome, Session, Settings, Source, signals};
use crate::vm::{self, Fleet};
use crate::wire::escape::escaped_lines;

/// A panic's place goes to standard error as one line; the words for the user come with the outcome.
pub(super) fn keep_panics_for_the_report() {
    panic::set_hook(Box::new(|panic| {
        finish::tell(&escaped_lines(&format!("qmpsh: internal fault: {panic}")));
    }));
}

/// Settings that come from the process's surroundings and the options. Tells what is wrong with the configuration.
pub(super) fn settings(options: &Options) -> Result<Settings, Exit> {
    settings_with(vm_settings(options), options)
}

/// The same with what VMs share.
pub(super) fn settings_with(vms: vm::Settings, options: &Options) -> Result<Settings, Exit> {
    Ok(Settings {
        modules: config::user_folder().map(|folder| folder.join("lib")),
        color: options.color(),
        output: Output::of_process(options.json),
        inventory: inventory_with(vms, options)?,
        ..Settings::default()
    })
}

/// Where VMs are looked for, as the configuration says; tells what is wrong with that.
pub(super) fn inventory(options: &Options) -> Result<Inventory, Exit> {
    inventory_with(vm_settings(options), options)
}

fn inventory_with(vms: vm::Settings, options: &Options) -> Result<Inventory, Exit> {
    let fleet = Fleet::new(vms);
    if options.replay.is_some() {
        // What names mean is in the recording, and nothing is looked for.
        return Ok(Inventory::new(fleet, Vec::new()));
    }
    let config = configuration(options)?;
    for report in config.files.iter().filter_map(Report::passed_over) {
        finish::warn(&report, options);
    }
    Ok(Inventory::configured(fleet, &config))
}

/// Reads the configuration, and tells what is wrong with it.
pub(super) fn configuration(options: &Options) -> Result<Config, Exit> {
    let places = match &options.config {
        Some(file) => Places::Only(file.clone()),
        None => Places::usual(),
    };
    Config::load(&places).map_err(|error| {
        finish::tell(&told::misconfigured(&error, options));
        Report::from(&error).exit
    })
}

/// What VMs share, from the options.
pub(super) fn vm_settings(options: &Options) -> vm::Settings {
    let mut settings = vm::Settings::new(vm::settings::default_state_dir());
    settings.timeout = options.timeout;
    modes::apply(options, &mut settings);
    settings
}

/// Runs `source` with signals handled.
pub(super) fn run(session: &mut Session, source: &Source) -> Outcome {
    if let Err(error) = signals::handle(session.control()) {
        let report = signals::unhandled(&error);
        return Outcome::of_failure(Failure::bare(report));
    }
    session.run(source)
}
