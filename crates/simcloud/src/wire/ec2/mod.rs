//! EC2 on its query protocol: form in, XML out.

mod check;
mod filter;
mod form;
mod show;
mod xml;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::ec2::{Interface, RouteTable, SecurityGroup, Subnet};
use crate::model::page::{Page, last_key, take};
use crate::model::{Refusal, Scope, World};

use check::check;
use filter::Filters;
pub(crate) use form::Form;
pub(crate) use xml::Xml;

/// The namespace of the API version that the SDKs speak.
const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

/// Answers one call with the body of its XML document.
pub(crate) fn answer(world: &World, form: &Form) -> Result<String, Refusal> {
    let action = form.get("Action").unwrap_or_default();
    let mut out = Xml::document(&format!("{action}Response"), NAMESPACE);
    out.text("requestId", "59dbff89-35bd-4eac-99ed-be587EXAMPLE");
    match action {
        "DescribeNetworkInterfaces" => interfaces(world, form, &mut out)?,
        "DescribeSubnets" => subnets(world, form, &mut out)?,
        "DescribeSecurityGroups" => groups(world, form, &mut out)?,
        "DescribeRouteTables" => route_tables(world, form, &mut out)?,
        _ => {
            return Err(Refusal::new(
                "InvalidAction",
                format!("The action {action} is not valid for this web service."),
            ));
        }
    }
    Ok(out.finish())
}

/// An error document. EC2 has its own, unlike every other service.
pub(crate) fn error(refusal: &Refusal) -> String {
    let mut out = Xml::plain_document("Response");
    out.within("Errors", |out| {
        out.within("Error", |out| {
            out.text("Code", refusal.code);
            out.text("Message", &refusal.message);
        });
    });
    out.text("RequestID", "ea966190-f9aa-478e-9ede-example");
    out.finish()
}

fn interfaces(world: &World, form: &Form, out: &mut Xml) -> Result<(), Refusal> {
    check(form, &["NetworkInterfaceId"], &["IncludeManagedResources"])?;
    let known: BTreeSet<&str> = show::INTERFACE_FILTERS.into();
    let filters = Filters::read(form, &known)?;
    let ids = form.list("NetworkInterfaceId");
    if let Some(gone) = ids.iter().find(|id| !world.ec2.interfaces.contains_key(**id)) {
        return Err(Refusal::new(
            "InvalidNetworkInterfaceID.NotFound",
            format!("The networkInterface ID '{gone}' does not exist"),
        ));
    }
    let window = Window::read(form, "networkInterfacesSet", !ids.is_empty())?;
    let attribute = |interface: &Interface, name: &str| show::interface_attribute(&world.scope, interface, name);
    let matching = |interface: &&Arc<Interface>| {
        let listed = ids.is_empty() || ids.contains(&interface.id.as_str());
        listed && window.is_after(&interface.id) && filters.admit(|name| attribute(interface, name))
    };
    // The filters that name interfaces or their group are answered from an index: 5,000
    // interfaces of others then cost nothing.
    let page = match (filters.exact("network-interface-id"), filters.exact("group-id")) {
        (Some(wanted), _) => {
            let wanted: BTreeSet<&str> = wanted.into_iter().collect();
            let found = wanted.into_iter().filter_map(|id| world.ec2.interfaces.get(id));
            window.page(found.filter(matching), |interface| interface.id.clone())
        }
        (None, Some(groups)) if groups.len() == 1 => {
            window.page(world.ec2.in_group(groups[0]).filter(matching), |interface| interface.id.clone())
        }
        _ => window.page(world.ec2.interfaces.values().filter(matching), |interface| interface.id.clone()),
    };
    out.within("networkInterfaceSet", |out| {
        for interface in &page.items {
            out.within("item", |out| show::interface(world, interface, out));
        }
    });
    next(out, page.next);
    Ok(())
}

fn subnets(world: &World, form: &Form, out: &mut Xml) -> Result<(), Refusal> {
    check(form, &["SubnetId"], &[])?;
    let filters = Filters::read(form, &show::SUBNET_FILTERS.into())?;
    let ids = form.list("SubnetId");
    if let Some(gone) = ids.iter().find(|id| !world.ec2.subnets.contains_key(**id)) {
        return Err(Refusal::new("InvalidSubnetID.NotFound", format!("The subnet ID '{gone}' does not exist")));
    }
    let window = Window::read(form, "subnets", !ids.is_empty())?;
    let matching = |subnet: &&Subnet| {
        (ids.is_empty() || ids.contains(&subnet.id.as_str()))
            && window.is_after(&subnet.id)
            && filters.admit(|name| show::subnet_attribute(subnet, name))
    };
    let page = window.page(world.ec2.subnets.values().filter(matching), |subnet| subnet.id.clone());
    out.within("subnetSet", |out| {
        for subnet in &page.items {
            out.within("item", |out| show::subnet(world, subnet, out));
        }
    });
    next(out, page.next);
    Ok(())
}

fn groups(world: &World, form: &Form, out: &mut Xml) -> Result<(), Refusal> {
    check(form, &["GroupId", "GroupName"], &[])?;
    let filters = Filters::read(form, &show::GROUP_FILTERS.into())?;
    let (ids, names) = (form.list("GroupId"), form.list("GroupName"));
    if let Some(gone) = ids.iter().find(|id| !world.ec2.groups.contains_key(**id)) {
        return Err(Refusal::new("InvalidGroup.NotFound", format!("The security group '{gone}' does not exist")));
    }
    let window = Window::read(form, "securityGroups", !ids.is_empty())?;
    let matching = |group: &&SecurityGroup| {
        (ids.is_empty() || ids.contains(&group.id.as_str()))
            && (names.is_empty() || names.contains(&group.name.as_str()))
            && window.is_after(&group.id)
            && filters.admit(|name| show::group_attribute(group, name))
    };
    let page = window.page(world.ec2.groups.values().filter(matching), |group| group.id.clone());
    out.within("securityGroupInfo", |out| {
        for group in &page.items {
            out.within("item", |out| show::group(&world.scope, group, out));
        }
    });
    next(out, page.next);
    Ok(())
}

fn route_tables(world: &World, form: &Form, out: &mut Xml) -> Result<(), Refusal> {
    check(form, &["RouteTableId"], &[])?;
    let filters = Filters::read(form, &show::ROUTE_TABLE_FILTERS.into())?;
    let ids = form.list("RouteTableId");
    if let Some(gone) = ids.iter().find(|id| !world.ec2.route_tables.contains_key(**id)) {
        return Err(Refusal::new("InvalidRouteTableID.NotFound", format!("The routeTable ID '{gone}' does not exist")));
    }
    // The shape `DescribeRouteTablesMaxResults` of EC2's model: 5 to 100.
    let window = Window::of_at_most(100, form, "routeTables", !ids.is_empty())?;
    let matching = |table: &&RouteTable| {
        (ids.is_empty() || ids.contains(&table.id.as_str()))
            && window.is_after(&table.id)
            && filters.admit(|name| show::route_table_attribute(&world.scope, table, name))
    };
    let page = window.page(world.ec2.route_tables.values().filter(matching), |table| table.id.clone());
    out.within("routeTableSet", |out| {
        for table in &page.items {
            out.within("item", |out| show::route_table(&world.scope, table, out));
        }
    });
    next(out, page.next);
    Ok(())
}

fn next(out: &mut Xml, token: Option<String>) {
    if let Some(token) = token {
        out.text("nextToken", &token);
    }
}

/// The part of a list that a call asks for.
struct Window {
    listing: String,
    size: usize,
    after: Option<String>,
}

impl Window {
    /// `MaxResults` and `NextToken`. The token stands for a list with the same filters.
    fn read(form: &Form, set: &str, by_id: bool) -> Result<Self, Refusal> {
        Self::of_at_most(1000, form, set, by_id)
    }

    /// The same of a list whose page holds less than "between 5 and 1000" (DescribeNetworkInterfaces and its like).
    fn of_at_most(most: usize, form: &Form, set: &str, by_id: bool) -> Result<Self, Refusal> {
        const MIN: i64 = 5;
        let size = match form.get("MaxResults").map(str::parse::<i64>) {
            None => most,
            Some(Ok(_)) if by_id => {
                return Err(Refusal::new(
                    "InvalidParameterCombination",
                    format!("The parameter {set} cannot be used with the parameter maxResults"),
                ));
            }
            Some(Ok(size)) if size < MIN => {
                return Err(Refusal::new(
                    "InvalidParameterValue",
                    format!(
                        "Value ( {size} ) for parameter maxResults is invalid. Expecting a value \
                         greater than or equal to {MIN}."
                    ),
                ));
            }
            Some(Ok(size)) => match usize::try_from(size) {
                Ok(size) if size <= most => size,
                _ => {
                    return Err(Refusal::new(
                        "InvalidParameterValue",
                        format!(
                            "Value ( {size} ) for parameter maxResults is invalid. Expecting a \
                             value less than or equal to {most}."
                        ),
                    ));
                }
            },
            Some(Err(_)) => {
                let given = form.get("MaxResults").unwrap_or_default();
                return Err(Refusal::new(
                    "InvalidParameterValue",
                    // From memory, after the two above.
                    format!("Value ( {given} ) for parameter maxResults is invalid. Expecting a number."),
                ));
            }
        };
        let listing = format!("{set}/{}", form.fingerprint());
        let after = match form.get("NextToken") {
            None => None,
            Some(token) => Some(
                last_key(&listing, token)
                    .ok_or_else(|| Refusal::new("InvalidNextToken", "The token is not valid for this request."))?,
            ),
        };
        Ok(Self { listing, size, after })
    }

    fn is_after(&self, id: &str) -> bool {
        self.after.as_deref().is_none_or(|after| id > after)
    }

    fn page<T>(&self, items: impl Iterator<Item = T>, key: impl Fn(&T) -> String) -> Page<T> {
        take(&self.listing, self.size, items, key)
    }
}

/// The VPC's owner and this account are one.
fn owner(scope: &Scope) -> &str {
    &scope.account
}
