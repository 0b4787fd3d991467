//! The queue: who waits is served in the order in which they came, and told why and where.

use bivouac_model::{Room, Usd};

use super::caps::vcpus;
use super::tally::{Cap, Claim, Tally};
use crate::policy::Policy;
use crate::reason;

/// What becomes of one who wants to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Fits,
    /// The person who asked has as many as one may.
    PersonIsFull,
    /// Not even if nothing else ran.
    NeverFits(Cap),
    /// Not before somebody else makes room.
    Waits(Cap),
}

/// The line of those who wait, seen from its front.
pub(super) struct Queue<'a> {
    tally: Tally<'a>,
    policy: &'a Policy,
    /// The cap that the first one waits for whom the others wait behind.
    held_by: Option<Cap>,
    /// How many wait ahead.
    ahead: usize,
}

impl<'a> Queue<'a> {
    /// With those who run.
    pub fn new(policy: &'a Policy, tally: Tally<'a>) -> Self {
        Self { tally, policy, held_by: None, ahead: 0 }
    }

    /// Serves the next one: what fits is counted as running, and what does not is waited behind, unless it waits for
    /// something that nobody else does. So a small one does not overtake a large one for ever, and somebody's fourth
    /// environment holds nobody else's first.
    pub fn serve(&mut self, claim: &Claim<'_>) -> Room {
        let verdict = self.judge(claim);
        match verdict {
            Verdict::Fits => {
                self.tally.take(claim);
                return Room::Granted;
            }
            Verdict::Waits(cap) => self.held_by = Some(cap),
            Verdict::PersonIsFull | Verdict::NeverFits(_) => {}
        }
        self.ahead += 1;
        self.tell(verdict, claim)
    }

    /// Whether an environment waits that all others wait behind.
    pub fn is_held(&self) -> bool {
        self.held_by.is_some()
    }

    /// Whether the person who made a claim has as many as one may by now.
    pub fn is_full_of(&self, user: Option<&str>) -> bool {
        self.tally.is_full_of(user)
    }

    /// Serves one that so many wait ahead of, however many were served until now.
    pub fn serve_behind(&mut self, ahead: usize, claim: &Claim<'_>) -> Room {
        self.ahead = ahead;
        self.serve(claim)
    }

    fn judge(&self, claim: &Claim<'_>) -> Verdict {
        if let Some(cap) = self.tally.never_fits(claim) {
            return Verdict::NeverFits(cap);
        }
        if self.tally.is_full_of(claim.user) {
            return Verdict::PersonIsFull;
        }
        self.held_by.or_else(|| self.tally.lacks(claim)).map_or(Verdict::Fits, Verdict::Waits)
    }

    /// In words that stay the same for as long as nothing changes, since the record and the comment say them.
    fn tell(&self, verdict: Verdict, claim: &Claim<'_>) -> Room {
        let caps = &self.policy.caps;
        let number = format!("It is number {} in the queue", self.ahead);
        let needs = vcpus(u64::from(claim.place.cpu));
        let may = vcpus(self.tally.cpu_units());
        let (reason, message) = match verdict {
            Verdict::Fits => return Room::Granted,
            Verdict::PersonIsFull => {
                let who = claim.user.unwrap_or_default();
                let most = caps.max_per_user;
                (
                    reason::MAX_PER_USER,
                    format!("{number}: {who} has {most} environments already, as many as one person may."),
                )
            }
            Verdict::Waits(Cap::Environments) => {
                let (run, most) = (self.tally.environments(), caps.max_environments);
                let run = if run == 1 { "1 environment runs".to_owned() } else { format!("{run} environments run") };
                (reason::MAX_ENVIRONMENTS, format!("{number}: {run}, and at most {most} may at once."))
            }
            Verdict::Waits(Cap::Vcpus) => (
                reason::VCPU_QUOTA,
                format!("{number}: of the {may} vCPU that may run at once, the {needs} it needs are not free."),
            ),
            Verdict::Waits(Cap::Budget) => {
                let budget = caps.monthly_budget;
                let message = format!("{number}: the monthly budget of {budget} is spent or promised to what runs.");
                (reason::MONTHLY_BUDGET, message)
            }
            Verdict::NeverFits(Cap::Environments) => {
                (reason::MAX_ENVIRONMENTS, "It cannot start: no environment may run.".to_owned())
            }
            Verdict::NeverFits(Cap::Vcpus) => {
                (reason::VCPU_QUOTA, format!("It cannot start: it needs {needs} vCPU, and {may} may run at once."))
            }
            Verdict::NeverFits(Cap::Budget) if caps.monthly_budget <= Usd::ZERO => {
                (reason::MONTHLY_BUDGET, "It cannot start: the monthly budget is zero.".to_owned())
            }
            Verdict::NeverFits(Cap::Budget) => {
                let budget = caps.monthly_budget;
                let message = format!(
                    "It cannot start: until its time is over it costs more than the monthly budget of {budget}."
                );
                (reason::MONTHLY_BUDGET, message)
            }
        };
        Room::Queued { reason, message }
    }
}
