//! Linkhop: a self-hosted link-attribution server for SMS.
//!
//! Two doors, [`graphql`] and [`http`], over a domain that knows neither: [`accounts`], [`catalog`], [`links`]
//! and [`clicks`], over [`store`], [`values`], [`rates`] and [`files`], and over [`apart`] and [`traces`], which know none of them. [`mcp`] makes tools of the first. Imports go down only.

pub mod accounts;
pub mod apart;
pub mod app;
pub mod catalog;
pub mod cli;
pub mod clicks;
pub mod config;
pub mod files;
pub mod graphql;
pub mod http;
pub mod links;
pub mod mcp;
pub mod rates;
pub mod server;
pub mod store;
pub mod traces;
pub mod values;
