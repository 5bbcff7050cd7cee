//! Whom an operation lets pass, and what they show to be let in.

use crate::model::operator::RoleGroup;
use crate::web::routes::{OpenTo, Route, is_answered_once};
use axum::http::Method;
use serde_json::json;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Ref, RefOr};

/// What the operation is open to, and with which keys.
pub(super) fn tell(operation: &mut Operation, route: &Route) {
    let OpenTo::Who(permission) = route.open_to else {
        add_sentence(operation, "Open to everybody, signed in or not.");
        return;
    };
    let role_groups = permission.role_groups();
    let names: Vec<_> = role_groups.iter().map(|role| role.name()).collect();
    add_sentence(operation, &format!("Open to {}.", names.join(", ")));
    let slugs: Vec<_> = role_groups.iter().copied().map(RoleGroup::slug).collect();
    let extensions = ExtensionsBuilder::new().add("x-role-groups", json!(slugs)).build();
    operation.extensions.get_or_insert_default().merge(extensions);
    operation.security = Some(keys(&route.method));
    if is_answered_once(&route.method, &route.path, permission) {
        let key = Ref::new("#/components/parameters/IdempotencyKey");
        operation.parameters.get_or_insert_default().push(RefOr::Ref(key));
    }
}

fn add_sentence(operation: &mut Operation, sentence: &str) {
    let before = operation.description.take().map(|text| text + "\n\n").unwrap_or_default();
    operation.description = Some(before + sentence);
}

/// A session is enough to look, never to change.
fn keys(method: &Method) -> Vec<SecurityRequirement> {
    let with = |name: &str| SecurityRequirement::new(name, [""; 0]);
    let mut keys = vec![with("token"), with("basic")];
    keys.extend((method == Method::GET).then(|| with("session")));
    keys
}
