//! The program itself, as a process: its commands, what they print, and what is left when it ends.

mod archive;
mod backup;
mod client;
mod commands;
mod config;
mod connections;
mod crash;
mod demo;
mod erase;
mod export;
mod export_pages;
mod floods;
mod help;
mod import;
mod links_import;
mod live;
mod mcp;
mod metrics;
mod moving;
mod operator;
mod process;
mod reclassify;
mod settings;
mod traces;
mod verdict_files;
