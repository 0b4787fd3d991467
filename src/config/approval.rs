//! Warnings of a configuration: keys and lists without effect, and approvals that cover too much.

use bivouac_planner::ImageCommit;

use super::{Config, GIVE_A_PATH, ProjectConfig};

/// What a person does about a key that has no effect.
pub const DELETE_KEY: &str = "delete it";

impl Config {
    /// Returns what `run` logs when it starts: each names a key or a project, and says what to write instead.
    pub fn warnings(&self) -> Vec<String> {
        let of = |project: &ProjectConfig| {
            let sleepless = self.sleepless(project).map(|sentence| (sentence, GIVE_A_PATH));
            let unbound = self.unbound(project).map(|sentence| (sentence, BIND_IMAGES));
            let futile = self.futile(project).map(|sentence| (sentence, NAME_OTHERS));
            [sleepless, unbound, futile].into_iter().flatten().map(|(sentence, mend)| format!("{sentence}; {mend}"))
        };
        let retired = self.retired.iter().map(|sentence| format!("{sentence}; {DELETE_KEY}"));
        retired.chain(self.projects.iter().flat_map(of)).collect()
    }

    /// Returns why one approval of a project covers more than its commit, in a sentence for `run` and `doctor`; `None`: it
    /// does not.
    pub fn unbound(&self, project: &ProjectConfig) -> Option<String> {
        let sentence = match project.image_commit {
            ImageCommit::Unchecked => format!(
                "image_commit of {} is unchecked: one approval covers every later image of its pull request, also of commits \
                 that nobody looked at",
                project.repo
            ),
            ImageCommit::Tag if !project.image_tag.names_a_whole_commit() => format!(
                "image_tag of {} holds {{sha7}}: somebody can make another commit that begins with the same seven digits, and \
                 its image takes the place of the approved one",
                project.repo
            ),
            ImageCommit::Tag | ImageCommit::PushTime | ImageCommit::Label => return None,
        };
        Some(sentence)
    }

    /// Returns which lists of a project name variables that no record may set; `None`: none does.
    pub fn futile(&self, project: &ProjectConfig) -> Option<String> {
        let rules = &project.variables;
        let lists = [("flags_allow", &rules.flags_allow), ("config_allow", &rules.config_allow)];
        let named =
            lists.into_iter().flat_map(|(key, list)| list.iter().map(move |pattern| (key, pattern.to_string())));
        let named = named.filter(|(_, name)| bivouac_policy::is_refused(name));
        // Of a prefix counts what a flag becomes.
        let prefix = Some(("flag_prefix", rules.flag_prefix.clone()));
        let prefix = prefix.filter(|_| bivouac_policy::is_refused(&rules.variable("FEATURE_X")));
        let refused = named.chain(prefix).map(|(key, name)| format!("`{key}` names `{name}`"));
        let refused: Vec<String> = refused.collect();
        (!refused.is_empty()).then(|| {
            let refused = refused.join(", ");
            format!("{}: {refused}, and no record may set {}", project.repo, bivouac_policy::REFUSED.join(", "))
        })
    }
}

/// How to have an approval cover its own commit alone.
pub const BIND_IMAGES: &str =
    "put {sha} into `image_tag` of the project, or set its `image_commit` to push-time or label";

/// How to give the lists a meaning.
pub const NAME_OTHERS: &str =
    "put such values into the template of the task definition, and take the names out of the list";
