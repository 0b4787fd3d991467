//! The parameters that an action takes: their names and their types, before anything is looked for.
//!
//! None of the actions here has a required parameter in EC2's model.

use super::Form;
use crate::model::Refusal;

/// Refuses a form with a parameter that the action does not know, or with one of another type. Every action here has `Filter`,
/// `MaxResults`, `NextToken` and `DryRun`.
pub(super) fn check(form: &Form, lists: &[&str], flags: &[&str]) -> Result<(), Refusal> {
    for (name, value) in form.pairs() {
        let parts: Vec<&str> = name.split('.').collect();
        let is_number = |part: &str| part.parse::<u32>().is_ok_and(|number| number > 0);
        match parts.as_slice() {
            ["Action" | "Version" | "MaxResults" | "NextToken"] => {}
            [flag] if *flag == "DryRun" || flags.contains(flag) => {
                if !["true", "false"].contains(&value) {
                    // From memory, after the words about `maxResults`.
                    return Err(wrong(value, flag, "Expecting true or false."));
                }
            }
            ["Filter", number, "Name"] | ["Filter", number, "Value", _] if !is_number(number) => {
                return Err(unknown(name));
            }
            ["Filter", _, "Name"] => {}
            ["Filter", _, "Value", number] if is_number(number) => {}
            [list, number] if lists.contains(list) && is_number(number) => {}
            // From memory: a list or a text has the other's form.
            [known] if *known == "Filter" || lists.contains(known) => {
                return Err(wrong(value, known, "Expecting a list."));
            }
            _ => return Err(unknown(name)),
        }
    }
    if form.get("DryRun") == Some("true") {
        // "If you have the required permissions, the error response is DryRunOperation" (EC2 API reference).
        let words = "Request would have succeeded, but DryRun flag is set.";
        return Err(Refusal::new("DryRunOperation", words).with_status(412));
    }
    Ok(())
}

/// "The parameter SpreadDomain is not recognized": public, of RunInstances.
fn unknown(name: &str) -> Refusal {
    Refusal::new("UnknownParameter", format!("The parameter {name} is not recognized"))
}

/// The names of parameters begin with a small letter in messages: "Value ( 3 ) for parameter maxResults is invalid."
fn wrong(value: &str, name: &str, expected: &str) -> Refusal {
    let mut letters = name.chars();
    let name: String = letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default();
    Refusal::new("InvalidParameterValue", format!("Value ( {value} ) for parameter {name} is invalid. {expected}"))
}
