//! The list of routes: who is not let in by it is not let in at all, and tests walk it.

use super::Shared;
use super::access::{Doors, TakesQuery};
use super::error::Problem;
use super::openapi::{self, Description};
use crate::model::operator::Permission;
use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self, MethodRouter};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa_axum::router::UtoipaMethodRouter;

/// A route, and whom it lets pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub method: Method,
    /// Its path, parts that vary in braces.
    pub path: String,
    pub open_to: OpenTo,
}

/// Whom a route lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenTo {
    Anybody,
    Who(Permission),
}

impl From<Permission> for OpenTo {
    fn from(permission: Permission) -> Self {
        Self::Who(permission)
    }
}

/// A handler with what the OpenAPI document tells of it, as `utoipa_axum::routes!` takes them together.
pub(crate) type Described = UtoipaMethodRouter<Shared>;

/// Routes with the doors before them.
pub(crate) struct Routes {
    doors: Doors,
    list: Vec<Route>,
    descriptions: Vec<Description>,
    router: Router<Shared>,
}

impl Routes {
    pub(crate) fn behind(doors: Doors) -> Self {
        Self { doors, list: Vec::new(), descriptions: Vec::new(), router: Router::new() }
    }

    pub(crate) fn get<T: 'static>(
        self,
        path: &'static str,
        open_to: impl Into<OpenTo>,
        handler: impl Handler<T, Shared>,
    ) -> Self {
        self.add(Method::GET, path.into(), open_to.into(), TakesQuery::Yes, routing::get(handler))
    }

    pub(crate) fn post<T: 'static>(
        self,
        path: &'static str,
        open_to: impl Into<OpenTo>,
        handler: impl Handler<T, Shared>,
    ) -> Self {
        self.add(Method::POST, path.into(), open_to.into(), TakesQuery::Yes, routing::post(handler))
    }

    /// A route of which the OpenAPI document tells: at its handler stand its method, its path and what
    /// it does. `problems` are its own beside those that all routes of its kind have in common.
    pub(crate) fn described(
        mut self,
        open_to: impl Into<OpenTo>,
        (schemas, paths, handler): Described,
        problems: impl IntoIterator<Item = Problem>,
    ) -> Self {
        let open_to = open_to.into();
        let (path, item) = paths.paths.into_iter().next().expect("a handler has a path");
        let (method, operation) = only_operation(item);
        let takes_none = path.starts_with("/api/v1/") && !openapi::has_query(&operation);
        let query = if takes_none { TakesQuery::No } else { TakesQuery::Yes };
        let route = Route { method: method.clone(), path: path.clone(), open_to };
        let problems = problems.into_iter().collect();
        self.descriptions.push(Description { route, operation, schemas, problems });
        self.add(method, path, open_to, query, handler)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the list that the others go through")]
    fn add(
        mut self,
        method: Method,
        path: String,
        open_to: OpenTo,
        query: TakesQuery,
        handler: MethodRouter<Shared>,
    ) -> Self {
        let mut handler = handler;
        if let OpenTo::Who(permission) = open_to {
            if is_answered_once(&method, &path, permission) {
                handler = self.doors.answering_once(handler);
            }
            handler = self.doors.open_to(permission, query, handler);
        }
        if self.doors.take_sessions_for_changes() {
            handler = self.doors.to_our_pages_alone(handler);
        }
        self.router = self.router.route(&path, handler);
        self.list.push(Route { method, path, open_to });
        self
    }

    /// These and those.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.list.extend(others.list);
        self.descriptions.extend(others.descriptions);
        self.router = self.router.merge(others.router);
        self
    }

    pub(crate) fn into_router(self) -> Router<Shared> {
        self.router
    }

    pub(crate) fn into_list(self) -> Vec<Route> {
        self.list
    }

    /// What the OpenAPI document tells of.
    pub(crate) fn into_descriptions(self) -> Vec<Description> {
        self.descriptions
    }
}

/// Whether a script can send a change again without its being done again. Exchange knows no such keys;
/// what a mail server or a filter tells is known by its queue id however often it is told.
pub(super) fn is_answered_once(method: &Method, path: &str, permission: Permission) -> bool {
    method == Method::POST && path.starts_with("/api/v1/") && permission != Permission::ReportMail
}

fn only_operation(item: PathItem) -> (Method, Operation) {
    let PathItem { get, post, put, patch, delete, .. } = item;
    [
        (Method::GET, get),
        (Method::POST, post),
        (Method::PUT, put),
        (Method::PATCH, patch),
        (Method::DELETE, delete),
    ]
    .into_iter()
    .find_map(|(method, operation)| Some((method, operation?)))
    .expect("a handler has a method")
}
