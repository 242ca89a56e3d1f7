//! The engine through its public face.

mod generate;
mod rules;
mod texts;
