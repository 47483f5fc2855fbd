//! Warren from outside: the real binary, Terraform, OpenSSH and Chromium.

mod accounts;
mod chaos;
mod chat_agent;
mod chat_crash;
mod chat_terminal;
mod chat_work;
mod cluster;
mod crash;
mod dashboard;
mod rolling;
mod sandbox;
mod start;
mod story;
mod takeover;
mod tunnel_replicas;
mod wrong_input;
