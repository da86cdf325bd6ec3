//! Which of the VMs somebody wants to see: by patterns of what is known of them.

use glob::Pattern;

use super::found::Found;
use super::names;
use crate::nearest::did_you_mean;

/// What VMs have to be like; every part has to fit.
#[derive(Clone, Debug, Default)]
pub struct Filter(Vec<(Key, Pattern)>);

/// What a pattern is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Any,
    Name,
    Label,
    Provider,
    Uuid,
    Id,
}

impl Filter {
    /// What can be filtered by.
    pub const KEYS: [&'static str; 5] = ["name", "label", "provider", "uuid", "id"];

    /// VMs that are called like `pattern` (`*`, `?` and `[...]` as in a shell), by their name, label, id or UUID; what
    /// begins a UUID is enough, as where one VM is named. Fails with what is wrong with the pattern.
    pub fn called(pattern: &str) -> Result<Self, String> {
        Ok(Self(vec![(Key::Any, read(pattern)?)]))
    }

    /// The same VMs, those of them whose `key` is like `pattern`. Fails with what is wrong with either.
    pub fn and(mut self, key: &str, pattern: &str) -> Result<Self, String> {
        let key = match key {
            "name" => Key::Name,
            "label" => Key::Label,
            "provider" => Key::Provider,
            "uuid" => Key::Uuid,
            "id" => Key::Id,
            _ => {
                let hint = did_you_mean(key, Self::KEYS)
                    .unwrap_or_else(|| format!("there are {}", Self::KEYS.join(", ")));
                return Err(format!("VMs have no `{key}` to be chosen by; {hint}"));
            }
        };
        let lower = pattern.to_ascii_lowercase();
        let pattern = if key == Key::Uuid { &lower } else { pattern };
        self.0.push((key, read(pattern)?));
        Ok(self)
    }

    /// Whether the VM is to be seen.
    pub fn admits(&self, vm: &Found) -> bool {
        self.0.iter().all(|(key, pattern)| {
            let fits = |text: &str| pattern.matches(text);
            match key {
                Key::Any => {
                    names::callable(vm).any(fits) || names::begins_uuid(pattern.as_str(), vm)
                }
                Key::Name => vm.names().any(fits),
                Key::Label => vm.labels.iter().any(|label| fits(label)),
                Key::Provider => fits(vm.provider),
                Key::Uuid => vm.uuid.as_deref().is_some_and(fits),
                Key::Id => vm.id.as_deref().is_some_and(fits),
            }
        })
    }
}

fn read(pattern: &str) -> Result<Pattern, String> {
    Pattern::new(pattern).map_err(|wrong| format!("`{pattern}` is no pattern: {}", wrong.msg))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_a_filter_has_to_fit() {
        let vm = Found {
            name: Some("web01".to_owned()),
            labels: vec!["prod".to_owned(), "eu".to_owned()],
            uuid: Some("0e4d9e6a-0000-4000-8000-000000000001".to_owned()),
            id: Some("104".to_owned()),
            ..Found::new("proxmox")
        };
        for pattern in ["web*", "web0[12]", "prod", "104", "0e4d*", "0E4D9", "*"] {
            assert!(Filter::called(pattern).unwrap().admits(&vm), "{pattern}");
        }
        for pattern in ["web", "db*", "0e4", ""] {
            assert!(!Filter::called(pattern).unwrap().admits(&vm), "{pattern}");
        }
        let both = |label: &str, provider: &str| {
            let filter = Filter::default().and("label", label).unwrap();
            filter.and("provider", provider).unwrap().admits(&vm)
        };
        assert!(both("prod", "proxmox") && both("e*", "prox*"));
        assert!(!both("test", "proxmox") && !both("prod", "process"));
        assert!(Filter::default().and("uuid", "0E4D*").unwrap().admits(&vm));
    }

    #[test]
    fn what_is_no_filter_is_told_why() {
        let error = Filter::default().and("lable", "x").unwrap_err();
        assert!(error.contains("did you mean `label`?"), "{error}");
        assert!(Filter::called("[").unwrap_err().contains("no pattern"));
    }
}
