//! The promises of the door to the site, which only `bivouac doctor` opens.

use bivouac_model::Capacity;
use bivouac_ports::{Meaning, Site as _};

use super::place::{Place, unique};

/// Hands the names of all promises to the macro `$with`.
#[macro_export]
macro_rules! site_promises {
    ($with:ident) => {
        $with! {
            site:
            a_cluster_tells_where_and_what_it_is,
            subnets_and_groups_that_are_there_are_told_and_no_others,
            what_may_be_read_is_found_out_without_anything_being_there,
        }
    };
}

pub async fn a_cluster_tells_where_and_what_it_is(place: &Place) {
    let (_, name) = place.cluster_with(&["FARGATE"]).await;
    let cluster = place.site(&name).await.cluster().await.expect("it was made");
    assert_eq!(cluster.region_and_account(), Some(("us-east-1", "123456789012")));
    assert_eq!(cluster.status, "ACTIVE");
    assert_eq!(cluster.capacities, [Capacity::OnDemand]);
    let absent = place.site(&unique("absent")).await.cluster().await.expect_err("nobody made it");
    assert_eq!(absent.meaning(), Meaning::NotFound);
}

pub async fn subnets_and_groups_that_are_there_are_told_and_no_others(place: &Place) {
    let site = place.site("previews").await;
    let asked = [place.subnet.clone(), "subnet-0123456789abcdef0".to_owned()];
    let subnets = site.subnets(&asked).await.expect("an answer");
    let [subnet] = subnets.as_slice() else { panic!("one of them is there: {subnets:?}") };
    assert_eq!(subnet.id, place.subnet);
    assert!(subnet.free_addresses.is_some_and(|free| free > 0), "{subnet:?}");
    let asked = ["sg-0123456789abcdef0".to_owned(), place.security_group.clone()];
    let groups = site.security_groups(&asked).await.expect("an answer");
    let [group] = groups.as_slice() else { panic!("one of them is there: {groups:?}") };
    assert_eq!((group.id.as_str(), group.vpc.as_str()), (place.security_group.as_str(), subnet.vpc.as_str()));
}

pub async fn what_may_be_read_is_found_out_without_anything_being_there(place: &Place) {
    let (_, cluster) = place.cluster().await;
    let reads = place.site(&cluster).await.reads(&[unique("no-repository")]).await;
    // Where the tables are is another place.
    let reads: Vec<_> = reads.into_iter().filter(|read| !read.action.starts_with("dynamodb:")).collect();
    assert!(reads.len() >= 10, "{reads:#?}");
    for read in reads {
        assert!(read.outcome.is_ok(), "{read:?}");
    }
}
