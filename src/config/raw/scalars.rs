//! Scalars of the configuration file that are more than text: durations, rates, words of a closed list.
//! Does not know in which setting they stand.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::config::scalar::{parse_duration, parse_rate};
use crate::config::settings::Store;
use crate::core::alert::{AlertEvent, Channel};
use crate::core::gate::http::HttpMode;
use crate::core::gate::{Mode, OnInconclusive, OnTrafficVanished};
use crate::core::policy::ApprovalRule;
use crate::core::record::Verdict;
use crate::core::restore::Strategy;
use crate::i18n::Locale;

/// A duration such as `30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawDuration(pub Duration);

/// A rate such as `5%`, as a fraction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RawRate(pub f64);

/// Text, a number or a boolean, taken as the text that was written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct RawScalar(pub String);

impl<'de> Deserialize<'de> for RawDuration {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        parse_duration(&text)
            .map(Self)
            .map_err(|_| de::Error::custom("not a duration"))
    }
}

impl<'de> Deserialize<'de> for RawRate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        parse_rate(&text)
            .map(Self)
            .map_err(|_| de::Error::custom("not a rate"))
    }
}

impl JsonSchema for RawDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A duration: whole numbers with `ms`, `s`, `m`, `h` or `d`.",
            "type": "string",
            "pattern": "^([0-9]+(ms|s|m|h|d))+$",
            "examples": ["30s", "5m", "1m30s", "2h", "90d"]
        })
    }
}

impl JsonSchema for RawRate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A rate in percent.",
            "type": "string",
            "pattern": "^[0-9]+(\\.[0-9]+)?%$",
            "examples": ["5%", "0.5%"]
        })
    }
}

impl JsonSchema for RawScalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Text, a number or a boolean, compared as text.",
            "type": ["string", "number", "boolean"]
        })
    }
}

/// Stands in the schema for a closed list of words.
pub struct Word<T>(PhantomData<T>);

/// A closed list of words.
pub trait Choice {
    /// Name in the schema.
    const NAME: &'static str;
    /// The words.
    fn words() -> Vec<&'static str>;
}

impl<T: Choice> JsonSchema for Word<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": T::words() })
    }
}

macro_rules! choice {
    ($($name:ident = $shown:literal),+ $(,)?) => {$(
        impl Choice for $name {
            const NAME: &'static str = $shown;
            fn words() -> Vec<&'static str> {
                $name::ALL.iter().map(|word| word.as_str()).collect()
            }
        }
    )+};
}

choice! {
    AlertEvent = "Event",
    ApprovalRule = "ApprovalRule",
    Channel = "Channel",
    HttpMode = "HttpMode",
    Locale = "Locale",
    Mode = "Mode",
    OnInconclusive = "OnInconclusive",
    OnTrafficVanished = "OnTrafficVanished",
    Store = "Store",
    Strategy = "Strategy",
    Verdict = "Verdict",
}
