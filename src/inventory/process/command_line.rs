//! What a QEMU's command line says of the VM: its name, its UUID, its monitors, its agent's port. It knows the options
//! that tell these and passes over all others; it looks at no file and no process.

use super::chardev;
use super::ini;
use super::options::Options;

/// The name that the agent's port has on every platform.
const AGENT_PORT: &[u8] = b"org.qemu.guest_agent.0";

/// Serial ports, which have no name: those for an agent are known by what their character device is called.
const SERIAL_PORTS: [&[u8]; 3] = [b"isa-serial", b"pci-serial", b"usb-serial"];
const AGENT_CHARDEV: &[u8] = b"qga";

/// What libvirt calls its monitor's character device.
const LIBVIRT_MONITOR: &[u8] = b"charmonitor";

/// A name or a path longer than this is left out: it is no use, and a process may be anybody's.
const LONGEST: usize = 4096;
/// More character devices, monitors and ports than any VM has are not kept.
const MOST: usize = 1024;
/// More files of `-readconfig` are not read.
const MOST_FILES: usize = 16;

/// Options whose argument may be any text, a dash at its beginning included. Behind all others, a word that begins with
/// a dash is the next option: so an option without an argument that is not known here swallows nothing.
const FREE_TEXT: [&[u8]; 12] = [
    b"name", b"append", b"kernel", b"initrd", b"dtb", b"bios", b"fw_cfg", b"smbios", b"uuid",
    b"qmp", b"mon", b"chardev",
];

/// What a command line says.
#[derive(Debug, Default)]
pub(super) struct CommandLine {
    name: Option<Vec<u8>>,
    uuid: Option<String>,
    chardevs: Vec<Options>,
    monitors: Vec<Options>,
    devices: Vec<Options>,
}

impl CommandLine {
    /// Reads the words of a command line, the program's name first; `file` gives the content of those that
    /// `-readconfig` names.
    pub(super) fn read<'a>(
        words: impl IntoIterator<Item = &'a [u8]>,
        mut file: impl FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Self {
        let mut line = Self::default();
        let mut files = 0;
        let mut words = words.into_iter().skip(1).peekable();
        while let Some(word) = words.next() {
            let Some(option) = word.strip_prefix(b"-") else {
                continue;
            };
            let option = option.strip_prefix(b"-").unwrap_or(option);
            let is_free = FREE_TEXT.contains(&option);
            let Some(argument) = words.next_if(|next| is_free || !next.starts_with(b"-")) else {
                continue;
            };
            if option == b"readconfig" && files < MOST_FILES {
                files += 1;
                line.sections(&file(argument).unwrap_or_default());
            } else {
                line.option(option, argument);
            }
        }
        line
    }

    fn option(&mut self, option: &[u8], argument: &[u8]) {
        match option {
            b"name" => self.named(&Options::read(argument, Some("guest"))),
            b"uuid" => self.uuid = uuid(argument),
            b"smbios" => {
                let table = Options::read(argument, None);
                if let (Some(b"1"), Some(text)) = (table.get("type"), table.get("uuid")) {
                    self.uuid = uuid(text);
                }
            }
            b"qmp" | b"qmp-pretty" => self.monitor(argument),
            b"mon" => keep(&mut self.monitors, Options::read(argument, Some("chardev"))),
            b"chardev" => keep(&mut self.chardevs, Options::read(argument, Some("backend"))),
            b"device" => keep(&mut self.devices, Options::read(argument, Some("driver"))),
            b"set" => self.set(argument),
            _ => {}
        }
    }

    fn named(&mut self, options: &Options) {
        if let Some(name) = options.get("guest") {
            self.name = Some(name.to_vec());
        }
    }

    /// `-qmp WHERE`: a monitor, and a character device for it unless it names one.
    fn monitor(&mut self, place: &[u8]) {
        let id = match place.strip_prefix(b"chardev:") {
            Some(id) => id.to_vec(),
            None => format!("compat_monitor{}", self.monitors.len()).into_bytes(),
        };
        let mut monitor = Options::default();
        monitor.set("chardev", id.clone());
        monitor.set("mode", b"control".to_vec());
        keep(&mut self.monitors, monitor);
        if !place.starts_with(b"chardev:") {
            let mut backend = chardev::compact(place);
            backend.set("id", id);
            keep(&mut self.chardevs, backend);
        }
    }

    /// `-set GROUP.ID.KEY=VALUE`: one more key of what has that id already.
    fn set(&mut self, argument: &[u8]) {
        let mut halves = argument.splitn(2, |byte| *byte == b'=');
        let (Some(place), Some(value)) = (halves.next(), halves.next()) else {
            return;
        };
        let place = String::from_utf8_lossy(place);
        let mut parts = place.splitn(3, '.');
        let (Some(group), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return;
        };
        let group = match group {
            "chardev" => &mut self.chardevs,
            "mon" => &mut self.monitors,
            "device" => &mut self.devices,
            _ => return,
        };
        if let Some(options) = with_id(group, id.as_bytes()) {
            options.set(key, value.to_vec());
        }
    }

    /// What a file of `-readconfig` says.
    fn sections(&mut self, text: &[u8]) {
        for section in ini::read(text) {
            match section.group.as_str() {
                "name" => self.named(&section.options),
                "chardev" => keep(&mut self.chardevs, section.options),
                "mon" => keep(&mut self.monitors, section.options),
                "device" => keep(&mut self.devices, section.options),
                _ => {}
            }
        }
    }

    /// The VM's name, if it has one.
    pub(super) fn name(&self) -> Option<String> {
        let name = self.name.as_deref()?;
        let fits = !name.is_empty() && name.len() <= LONGEST;
        fits.then(|| String::from_utf8_lossy(name).into_owned())
    }

    /// Its UUID in lower case, if it has one.
    pub(super) fn uuid(&self) -> Option<String> {
        self.uuid.clone()
    }

    /// The character devices of its QMP monitors, in the order in which they were given.
    pub(super) fn monitors(&self) -> impl Iterator<Item = &Options> {
        let controls = self.monitors.iter();
        let controls = controls.filter(|monitor| monitor.get("mode") == Some(b"control"));
        controls.filter_map(|monitor| self.chardev(monitor.get("chardev")?))
    }

    /// The character device of its agent's port.
    pub(super) fn agent(&self) -> Option<&Options> {
        self.devices.iter().find_map(|device| {
            let chardev = device.get("chardev")?;
            let driver = device.get("driver")?;
            let is_agent = match device.get("name") {
                Some(name) => driver == b"virtserialport" && name == AGENT_PORT,
                None => SERIAL_PORTS.contains(&driver) && chardev.starts_with(AGENT_CHARDEV),
            };
            self.chardev(chardev).filter(|_| is_agent)
        })
    }

    /// Whether libvirt started it, and so holds its monitor.
    pub(super) fn is_of_libvirt(&self) -> bool {
        self.chardev(LIBVIRT_MONITOR).is_some()
    }

    fn chardev(&self, id: &[u8]) -> Option<&Options> {
        let mut chardevs = self.chardevs.iter().rev();
        chardevs.find(|options| options.get("id") == Some(id))
    }
}

fn keep(list: &mut Vec<Options>, options: Options) {
    if list.len() < MOST {
        list.push(options);
    }
}

fn with_id<'a>(list: &'a mut [Options], id: &[u8]) -> Option<&'a mut Options> {
    list.iter_mut()
        .find(|options| options.get("id") == Some(id))
}

/// A UUID as QEMU takes it, in lower case; the zero UUID is none.
fn uuid(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?.to_ascii_lowercase();
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let digits = || groups.iter().flat_map(|group| group.bytes());
    let fits = lengths == [8, 4, 4, 4, 12]
        && digits().all(|digit| digit.is_ascii_hexdigit())
        && digits().any(|digit| digit != b'0');
    fits.then_some(text)
}

#[cfg(test)]
mod tests;
