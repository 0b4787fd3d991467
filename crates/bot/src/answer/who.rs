//! Who may give a command, for the answer to `help`.

use bivouac_ports::Permission;

use super::quoted;
use crate::settings::Required;

/// Who may, in a few words of Markdown that fit into a cell of a table: `who may write, the team `acme/core`, `ada``. A team
/// and a person are code, so that the answer calls nobody.
pub(crate) fn who(required: &Required) -> String {
    let by_permission = match required.permission {
        // Whom else the rule names does not matter.
        Permission::None => return "everyone".to_owned(),
        Permission::Read => "who may read",
        Permission::Write => "who may write",
        Permission::Admin => "administrators",
    };
    let teams = required.teams.iter().map(|team| format!("the team {}", quoted(team)));
    let users = required.users.iter().map(|user| quoted(user));
    std::iter::once(by_permission.to_owned()).chain(teams).chain(users).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_the_rule_names_is_told_and_not_called() {
        let mut rule = Required {
            permission: Permission::Admin,
            teams: vec!["acme/core".to_owned()],
            users: vec!["ada".to_owned(), "grace".to_owned()],
        };
        assert_eq!(who(&rule), "administrators, the team `acme/core`, `ada`, `grace`");
        rule.permission = Permission::None;
        assert_eq!(who(&rule), "everyone");
        assert_eq!(who(&Required { permission: Permission::Write, ..Required::default() }), "who may write");
        assert_eq!(who(&Required { permission: Permission::Read, ..Required::default() }), "who may read");
    }
}
