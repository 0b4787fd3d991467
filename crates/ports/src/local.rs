//! Whether a failure is this machine's own.

use std::error::Error;
use std::io;

use rustix::io::Errno;

/// What this machine lacks or where it is cut off (errno(3)): open files of the process and of the system, buffers, memory,
/// ports; an interface that is down, no route; a firewall of its own. None of them is an answer of the other side. A router
/// on the way may say "unreachable" too, and that is no answer of the other side either.
const LOCAL: [Errno; 13] = [
    Errno::MFILE,
    Errno::NFILE,
    Errno::NOBUFS,
    Errno::NOMEM,
    Errno::AGAIN,
    Errno::ADDRNOTAVAIL,
    Errno::ADDRINUSE,
    Errno::NETDOWN,
    Errno::NETUNREACH,
    Errno::HOSTUNREACH,
    Errno::HOSTDOWN,
    Errno::ACCESS,
    Errno::PERM,
];

/// Whether an error, or what caused it, is a failure of this machine: the call was never sent, and nothing is known of the
/// other side. A refused or reset connection and a missing answer are the other side's.
pub fn is_local(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&cause| cause.source()).any(|cause| {
        let number = cause.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
        number.is_some_and(|number| LOCAL.iter().any(|local| local.raw_os_error() == number))
    })
}

#[cfg(test)]
mod tests {
    use crate::{Error, Meaning};

    use super::*;

    #[test]
    fn what_we_lack_is_local_and_what_the_other_side_does_is_not() {
        let failed = |number: Errno| {
            let cause = io::Error::from_raw_os_error(number.raw_os_error());
            Error::new(Meaning::Unavailable, "ECS ListServices", "no connection").caused_by(cause)
        };
        for number in LOCAL {
            assert!(is_local(&failed(number)), "{number:?}");
        }
        for number in [Errno::CONNREFUSED, Errno::CONNRESET, Errno::CONNABORTED, Errno::TIMEDOUT, Errno::PIPE] {
            assert!(!is_local(&failed(number)), "{number:?}");
        }
        assert!(!is_local(&Error::new(Meaning::Unavailable, "ECS ListServices", "no answer in time")));
    }
}
