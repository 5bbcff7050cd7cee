//! The list of routes: who is not let in by it is not let in at all, and tests walk it.

use super::Shared;
use super::access::Doors;
use super::security_headers::same_origin;
use crate::operator::Permission;
use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn;
use axum::routing::{self, MethodRouter};

/// A route, and whom it lets pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method it takes.
    pub method: Method,
    /// Its path, parts that vary in braces.
    pub path: &'static str,
    /// Whom it lets pass.
    pub open_to: OpenTo,
}

/// Whom a route lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenTo {
    /// Everybody, signed in or not.
    Anybody,
    /// Who has this permission.
    Who(Permission),
}

impl From<Permission> for OpenTo {
    fn from(permission: Permission) -> Self {
        Self::Who(permission)
    }
}

/// Routes with the doors before them.
pub(crate) struct Routes {
    doors: Doors,
    list: Vec<Route>,
    router: Router<Shared>,
}

impl Routes {
    pub(crate) fn behind(doors: Doors) -> Self {
        Self { doors, list: Vec::new(), router: Router::new() }
    }

    pub(crate) fn get<T: 'static>(
        self,
        path: &'static str,
        open_to: impl Into<OpenTo>,
        handler: impl Handler<T, Shared>,
    ) -> Self {
        self.add(Method::GET, path, open_to.into(), routing::get(handler))
    }

    pub(crate) fn post<T: 'static>(
        self,
        path: &'static str,
        open_to: impl Into<OpenTo>,
        handler: impl Handler<T, Shared>,
    ) -> Self {
        self.add(Method::POST, path, open_to.into(), routing::post(handler))
    }

    pub(crate) fn put<T: 'static>(
        self,
        path: &'static str,
        open_to: impl Into<OpenTo>,
        handler: impl Handler<T, Shared>,
    ) -> Self {
        self.add(Method::PUT, path, open_to.into(), routing::put(handler))
    }

    pub(crate) fn patch<T: 'static>(
        self,
        path: &'static str,
        open_to: impl Into<OpenTo>,
        handler: impl Handler<T, Shared>,
    ) -> Self {
        self.add(Method::PATCH, path, open_to.into(), routing::patch(handler))
    }

    pub(crate) fn delete<T: 'static>(
        self,
        path: &'static str,
        open_to: impl Into<OpenTo>,
        handler: impl Handler<T, Shared>,
    ) -> Self {
        self.add(Method::DELETE, path, open_to.into(), routing::delete(handler))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the list that the others go through")]
    fn add(
        mut self,
        method: Method,
        path: &'static str,
        open_to: OpenTo,
        handler: MethodRouter<Shared>,
    ) -> Self {
        let mut handler = handler;
        if let OpenTo::Who(permission) = open_to {
            // Exchange knows no such keys.
            if method == Method::POST && path.starts_with("/api/v1/") {
                handler = self.doors.answering_once(permission, handler);
            }
            handler = self.doors.open_to(permission, handler);
        }
        if self.doors.take_sessions_for_changes() {
            handler = handler.route_layer(from_fn(same_origin));
        }
        self.list.push(Route { method, path, open_to });
        self.router = self.router.route(path, handler);
        self
    }

    /// These and those.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.list.extend(others.list);
        self.router = self.router.merge(others.router);
        self
    }

    pub(crate) fn into_router(self) -> Router<Shared> {
        self.router
    }

    pub(crate) fn into_list(self) -> Vec<Route> {
        self.list
    }
}
