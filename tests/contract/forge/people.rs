//! Who may do what. Every doubt is no permission.

use bivouac_ports::{Audience, Conversation as _, Permission};
use bivouac_simcloud::github::{Membership, Permission as Granted, Resource};

use super::*;

const TEAM: &str = "apache/committers";

impl Forge {
    /// A process whose account may push, and may see the members of teams.
    fn trusted(&self) -> (EnvKey, GitHub) {
        let (key, _) = self.prepare();
        self.hub.set_permission(REPO, BOT, Granted::Write).unwrap();
        self.hub.add_token("ghp_trusted", BOT, Rights::commenter().with(Resource::Members, Level::Read));
        (key, self.process("ghp_trusted"))
    }
}

/// Whoever is asked about, in whatever case the name is written.
pub async fn what_somebody_may_do_is_told(forge: &Forge) {
    let (key, github) = forge.trusted();
    forge.hub.add_user("stranger");
    for (login, granted) in [("Ada", Granted::Admin), ("max", Granted::Maintain), ("wilma", Granted::Write)] {
        forge.hub.set_permission(REPO, login, granted).unwrap();
    }
    for (login, permission) in [
        ("Ada", Permission::Admin),
        ("ada", Permission::Admin),
        ("max", Permission::Write),
        ("WILMA", Permission::Write),
        // The repository is public.
        ("stranger", Permission::Read),
        ("nobody-of-this-name", Permission::None),
    ] {
        assert_eq!(github.permission(&key.repo, login).await.unwrap(), permission, "{login}");
    }
    forge.hub.remove_permission(REPO, "wilma").unwrap();
    assert_eq!(github.permission(&key.repo, "wilma").await.unwrap(), Permission::Read);
    forge.hub.remove_user("ada");
    assert_eq!(github.permission(&key.repo, "Ada").await.unwrap(), Permission::None);
}

/// What is no name of a person's account never comes near an address.
pub async fn what_is_no_name_is_not_asked_about(forge: &Forge) {
    let (key, github) = forge.trusted();
    forge.hub.reset_calls();
    let long = "a".repeat(40);
    for login in ["", "dependabot[bot]", "../../../user", "ada/permission?", "ada#", "ada%2f", "ådå", &long] {
        assert_eq!(github.permission(&key.repo, login).await.unwrap(), Permission::None, "{login}");
        assert!(!github.is_in_team(&key.repo, TEAM, login).await.unwrap(), "{login}");
        refused(github.reply(&key, login, Some("No."), Audience::Member).await, Meaning::Invalid);
    }
    assert_eq!(forge.hub.calls().total(), 0);
}

/// Neither an outage nor a limit nor a lost right of ours is an answer about them.
pub async fn no_answer_is_no_permission(forge: &Forge) {
    let (key, github) = forge.trusted();
    forge.hub.set_permission(REPO, "ada", Granted::Admin).unwrap();
    for (fault, meaning) in [
        (Fault::Before(503), Meaning::Unavailable),
        (Fault::DropAfter, Meaning::Unavailable),
        (Fault::SecondaryLimit { status: 403, retry_after: Duration::from_secs(1) }, Meaning::Throttled),
    ] {
        forge.hub.inject(FaultRule::new(fault).times(1));
        let asked = forge.process("ghp_trusted");
        refused(asked.permission(&key.repo, "ada").await, meaning);
        assert_eq!(forge.process("ghp_trusted").permission(&key.repo, "ada").await.unwrap(), Permission::Admin);
    }
    let nowhere = "apache/nowhere".parse().unwrap();
    refused(github.permission(&nowhere, "ada").await, Meaning::NotFound);
    forge.hub.revoke_token("ghp_trusted");
    refused(github.permission(&key.repo, "ada").await, Meaning::Denied);
    refused(github.is_in_team(&key.repo, TEAM, "ada").await, Meaning::Denied);
}

/// Active ones; who was invited and did not answer is none, and who left is none any more.
pub async fn a_team_has_its_active_members(forge: &Forge) {
    let (key, github) = forge.trusted();
    forge.hub.add_team("apache", "committers");
    forge.hub.set_membership("apache", "committers", "ada", Membership::Active).unwrap();
    forge.hub.set_membership("apache", "committers", "ivo", Membership::Pending).unwrap();
    forge.hub.add_user("stranger");
    for (team, login, is_member) in [
        (TEAM, "ada", true),
        (TEAM, "ADA", true),
        (TEAM, "ivo", false),
        (TEAM, "stranger", false),
        (TEAM, "nobody-of-this-name", false),
        ("apache/no-such-team", "ada", false),
    ] {
        assert_eq!(github.is_in_team(&key.repo, team, login).await.unwrap(), is_member, "{team} {login}");
    }
    forge.hub.remove_membership("apache", "committers", "ada").unwrap();
    assert!(!github.is_in_team(&key.repo, TEAM, "ada").await.unwrap());
}

/// A mistake in the configuration is told as one; a right that is missing, too.
pub async fn a_team_that_cannot_be_asked_about_is_an_error(forge: &Forge) {
    let (key, github) = forge.trusted();
    for team in ["committers", "apache/", "/committers", "apache/a/b", "apache/a b", "apache/.."] {
        refused(github.is_in_team(&key.repo, team, "ada").await, Meaning::Invalid);
    }
    let error = refused(forge.process(TOKEN).is_in_team(&key.repo, TEAM, "ada").await, Meaning::Denied);
    assert!(error.message().contains("\"Members\""), "{error}");
}

/// The newest change of one label, whoever did what to others since.
pub async fn the_last_change_of_a_label_is_told(forge: &Forge) {
    let (key, github) = forge.prepare();
    let (ada, ben, number) = (forge.hub.person("ada"), forge.hub.person("ben"), key.pr.get());
    assert_eq!(github.last_label_change(&key, "testenv-up").await.unwrap(), None);
    ada.label(REPO, number, "testenv-up").unwrap();
    ben.label(REPO, number, "other").unwrap();
    let change = github.last_label_change(&key, "TestEnv-Up").await.unwrap().unwrap();
    assert_eq!((change.is_on, change.actor.as_str()), (true, "ada"));
    ben.unlabel(REPO, number, "testenv-up").unwrap();
    ada.close(REPO, number).unwrap();
    let change = github.last_label_change(&key, "testenv-up").await.unwrap().unwrap();
    assert_eq!((change.is_on, change.actor.as_str()), (false, "ben"));
    let nobody: EnvKey = format!("{REPO}#99999").parse().unwrap();
    refused(github.last_label_change(&nobody, "testenv-up").await, Meaning::NotFound);
}

/// On whichever page it stands.
pub async fn the_last_change_of_a_label_is_found_on_any_page(forge: &Forge) {
    let (key, github) = forge.prepare();
    let (ada, number) = (forge.hub.person("ada"), key.pr.get());
    let noise = |times: usize| {
        for _ in 0..times {
            ada.label(REPO, number, "noise").unwrap();
            ada.unlabel(REPO, number, "noise").unwrap();
        }
    };
    ada.label(REPO, number, "first-page").unwrap();
    noise(60);
    ada.label(REPO, number, "second-page").unwrap();
    noise(60);
    ada.label(REPO, number, "last-page").unwrap();
    for label in ["first-page", "second-page", "last-page"] {
        let change = github.last_label_change(&key, label).await.unwrap();
        assert!(change.is_some_and(|change| change.is_on), "{label}");
    }
    assert_eq!(github.last_label_change(&key, "never").await.unwrap(), None);
    // The likeliest place is looked at first.
    forge.hub.reset_calls();
    github.last_label_change(&key, "last-page").await.unwrap();
    assert_eq!(forge.hub.calls().total(), 2);
}
