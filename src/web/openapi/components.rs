//! What operations share, and what is to be put right in what macros make of types.

use crate::web::error::Document;
use crate::web::exchange::Failure;
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{AdditionalProperties, SchemaType};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, ComponentsBuilder, Object, ObjectBuilder, Paths, RefOr, Required, Response, Schema,
    SchemaFormat, Type,
};

/// What operations share.
pub(super) fn components() -> Components {
    let mut schemas = Vec::new();
    Document::schemas(&mut schemas);
    Failure::schemas(&mut schemas);
    schemas.extend([
        (Document::name().into(), Document::schema()),
        (Failure::name().into(), Failure::schema()),
    ]);
    let [token, basic, session] = keys();
    let components = ComponentsBuilder::new().schemas_from_iter(schemas);
    let components = components.security_scheme("token", token);
    let components = components.security_scheme("basic", basic).security_scheme("session", session);
    let timed_out = Response::new("It took longer than 30 seconds.");
    let mut components = components.response("TimedOut", timed_out).build();
    components.parameters.insert("IdempotencyKey".into(), idempotency_key().into());
    components
}

fn keys() -> [SecurityScheme; 3] {
    let http = |scheme, what| HttpBuilder::new().scheme(scheme).description(Some(what)).build();
    let cookie = "The portal's session, to look and never to change. Over https the cookie is \
                  called `__Host-session`.";
    [
        SecurityScheme::Http(http(HttpAuthScheme::Bearer, "An API token.")),
        SecurityScheme::Http(http(
            HttpAuthScheme::Basic,
            "An API token as the password, with any user name.",
        )),
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description("session", cookie))),
    ]
}

fn idempotency_key() -> Parameter {
    let what = "A new one for each change, such as a UUID. Who gets no answer sends the same request \
                with the same key again: it is done once, and answered for 24 hours as it was, with \
                `Idempotency-Replayed: true`.";
    let format = SchemaFormat::Custom("idempotency-key".into());
    let key = ObjectBuilder::new().schema_type(Type::String).format(Some(format));
    let key = key.min_length(Some(1)).max_length(Some(255)).pattern(Some("^[!-~]+$"));
    let parameter = ParameterBuilder::new().name("Idempotency-Key").description(Some(what));
    let parameter = parameter.parameter_in(ParameterIn::Header).required(Required::False);
    parameter.schema(Some(key)).build()
}

/// Says of bodies what types do not.
pub(super) fn fit(components: &mut Components, paths: &mut Paths) {
    for schema in components.schemas.values_mut() {
        describe_fields(schema);
        fit_answer(schema);
    }
    for (path, item) in &mut paths.paths {
        for operation in operations(item).filter(|_| path.starts_with("/api/")) {
            operation.parameters.iter_mut().flatten().for_each(without_nul);
        }
    }
    for operation in paths.paths.values_mut().flat_map(operations) {
        if may_be_left_out(operation, components) == Some(true)
            && let Some(RefOr::T(body)) = &mut operation.request_body
        {
            body.required = Some(Required::False);
        }
    }
}

/// What a field that may be null is stands at the field, not at the one of its alternatives.
fn describe_fields(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::Object(object)) = schema else { return };
    for field in object.properties.values_mut() {
        if let RefOr::T(Schema::OneOf(one)) = field
            && let Some(RefOr::Ref(reference)) = one.items.first_mut()
            && !reference.description.is_empty()
        {
            one.description = Some(std::mem::take(&mut reference.description));
        }
    }
}

/// An answer has all its fields, null where there is nothing to tell. What is asked has a closed
/// list of fields, any of which may be left out.
fn fit_answer(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) if !is_closed(object) => {
            let null = object.properties.iter().filter(|(_, schema)| may_be_null(schema));
            object.required.extend(null.map(|(name, _)| name.clone()));
        }
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter_mut().for_each(fit_answer),
        _ => {}
    }
}

fn is_closed(object: &Object) -> bool {
    let additional = object.additional_properties.as_deref();
    matches!(additional, Some(AdditionalProperties::FreeForm(false)))
}

fn may_be_null(schema: &RefOr<Schema>) -> bool {
    let is_null = |kind: &SchemaType| match kind {
        SchemaType::Type(kind) => *kind == Type::Null,
        SchemaType::Array(kinds) => kinds.contains(&Type::Null),
        SchemaType::AnyValue => false,
    };
    match schema {
        RefOr::T(Schema::Object(object)) => is_null(&object.schema_type),
        RefOr::T(Schema::Array(array)) => is_null(&array.schema_type),
        RefOr::T(Schema::OneOf(one)) => one.items.iter().any(may_be_null),
        _ => false,
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    [get, post, put, patch, delete].into_iter().flatten()
}

/// No text of a query holds the one character that Postgres cannot keep.
fn without_nul(parameter: &mut RefOr<Parameter>) {
    if let RefOr::T(parameter) = parameter
        && parameter.parameter_in == ParameterIn::Query
        && let Some(RefOr::T(Schema::Object(text))) = &mut parameter.schema
        && text.schema_type == SchemaType::Type(Type::String)
        && text.format.is_none()
    {
        text.pattern = Some(r"^[^\u0000]*$".into());
    }
}

/// A missing body is `{}` where every field of it may be left out.
fn may_be_left_out(operation: &Operation, components: &Components) -> Option<bool> {
    let RefOr::T(body) = operation.request_body.as_ref()? else { return None };
    let RefOr::T(content) = body.content.get("application/json")? else { return None };
    let RefOr::Ref(reference) = content.schema.as_ref()? else { return None };
    let name = reference.ref_location.rsplit('/').next()?;
    let RefOr::T(Schema::Object(object)) = components.schemas.get(name)? else { return None };
    Some(is_closed(object) && object.required.is_empty())
}
