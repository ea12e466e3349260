//! Data and behaviour under one name.
//!
//! `choices!` makes an enum of small structs that dereferences to their trait: the enum is what people write
//! (`goodness = { kind = "sum_squares" }`), the trait object is what runs. Each struct lives in a file of its own;
//! naming it in the enum is registering it, and every registered choice is examined by the conformance suites.

/// See the module.
#[macro_export]
macro_rules! choices {
    ($(#[$doc:meta])* pub enum $Enum:ident: $Trait:ident { $($Variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(tag = "kind")]
        pub enum $Enum {
            $(
                #[allow(missing_docs, reason = "the struct's own words: a doc here would hide them from the schema")]
                #[serde(rename = $name)]
                $Variant($Variant)
            ),+
        }
        impl std::ops::Deref for $Enum {
            type Target = dyn $Trait;
            fn deref(&self) -> &(dyn $Trait + 'static) {
                match self { $(Self::$Variant(it) => it),+ }
            }
        }
        impl $Enum {
            /// What people write for each choice.
            pub const NAMES: &'static [&'static str] = &[$($name),+];
            /// Every choice with its default settings.
            pub fn all() -> Vec<$Enum> {
                vec![$(Self::$Variant(<$Variant>::default())),+]
            }
            /// What people write for this one.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$Variant(_) => $name),+ }
            }
        }
        $(impl From<$Variant> for $Enum { fn from(it: $Variant) -> $Enum { $Enum::$Variant(it) } })+
    };
}
