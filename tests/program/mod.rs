//! The program itself, as a process: its commands, what they print, and what is left when it ends.

mod client;
mod commands;
mod crash;
mod demo;
mod operator;
mod process;
mod settings;
