//! Builds, clients, and what operators watch.

use super::{Group, Opt, field};

pub(super) const PROVISIONING: &[Opt] = &[Opt::new(
    "Terraform",
    "terraform",
    "TERRAFORM",
    "provisioning.terraform",
    field!(provisioner.terraform),
    "Terraform or OpenTofu program.",
)
.default_text("the first of terraform and tofu on PATH")
.group(Group::Provisioning)];

pub(super) const CLIENT: &[Opt] = &[
    Opt::new(
        "Workspace Hostname Suffix",
        "workspace-hostname-suffix",
        "WORKSPACE_HOSTNAME_SUFFIX",
        "client.workspaceHostnameSuffix",
        field!(ssh.hostname_suffix),
        "After `config-ssh`, `ssh <workspace>.<suffix>` works.",
    )
    .wire("workspace_hostname_suffix")
    .group(Group::Client),
    Opt::new(
        "SSH Hostname Prefix",
        "ssh-hostname-prefix",
        "SSH_HOSTNAME_PREFIX",
        "client.sshHostnamePrefix",
        field!(ssh.hostname_prefix),
        "After `config-ssh`, `ssh <prefix><workspace>` works.",
    )
    .wire("config_ssh.deploymentName")
    .hidden()
    .group(Group::Client),
    Opt::new(
        "SSH Config Options",
        "ssh-config-options",
        "SSH_CONFIG_OPTIONS",
        "client.sshConfigOptions",
        field!(ssh.config_options),
        "Key=Value lines that `config-ssh` writes into the users' SSH configuration.",
    )
    .wire("config_ssh.sshconfigOptions")
    .group(Group::Client),
    Opt::new(
        "CLI Upgrade Message",
        "cli-upgrade-message",
        "CLI_UPGRADE_MESSAGE",
        "client.cliUpgradeMessage",
        field!(cli_upgrade_message),
        "What users of another version are told instead of how to install this one.",
    )
    .wire("cli_upgrade_message")
    .group(Group::Client),
];

pub(super) const INTROSPECTION: &[Opt] = &[
    Opt::new(
        "Prometheus Enable",
        "prometheus-enable",
        "PROMETHEUS_ENABLE",
        "introspection.prometheus.enable",
        field!(telemetry.prometheus.enable),
        "Serves metrics on an address of their own.",
    )
    .wire("prometheus.enable")
    .group(Group::Prometheus),
    Opt::new(
        "Prometheus Address",
        "prometheus-address",
        "PROMETHEUS_ADDRESS",
        "introspection.prometheus.address",
        field!(telemetry.prometheus.address),
        "Address on which metrics are served.",
    )
    .wire("prometheus.address")
    .group(Group::Prometheus),
    Opt::new(
        "Trace Enable",
        "trace",
        "TRACE_ENABLE",
        "introspection.tracing.enable",
        field!(telemetry.trace.enable),
        "Sends traces to an OpenTelemetry collector.",
    )
    .wire("trace.enable")
    .group(Group::Tracing),
    Opt::new(
        "Trace Endpoint",
        "trace-otlp-endpoint",
        "TRACE_OTLP_ENDPOINT",
        "introspection.tracing.otlpEndpoint",
        field!(telemetry.trace.otlp_endpoint),
        "The collector's gRPC address.",
    )
    .default_text("OTEL_EXPORTER_OTLP_ENDPOINT, or http://localhost:4317")
    .group(Group::Tracing),
    Opt::new(
        "Capture Logs in Traces",
        "trace-logs",
        "TRACE_LOGS",
        "introspection.tracing.captureLogs",
        field!(telemetry.trace.capture_logs),
        "Adds log lines to traces as events.",
    )
    .wire("trace.capture_logs")
    .group(Group::Tracing),
    Opt::new(
        "Human Log Location",
        "log-human",
        "LOGGING_HUMAN",
        "introspection.logging.humanPath",
        field!(logging.human),
        "File for log lines that people read, also /dev/stderr or /dev/stdout; empty writes none.",
    )
    .wire("logging.human")
    .group(Group::Logging),
    Opt::new(
        "JSON Log Location",
        "log-json",
        "LOGGING_JSON",
        "introspection.logging.jsonPath",
        field!(logging.json),
        "File for log lines in JSON, also /dev/stderr or /dev/stdout; empty writes none.",
    )
    .wire("logging.json")
    .group(Group::Logging),
    Opt::new(
        "Log Filter",
        "log-filter",
        "LOG_FILTER",
        "introspection.logging.filter",
        field!(logging.filter),
        "What is logged: a level, then levels of parts of the program, such as info,warren_db=debug.",
    )
    .wire("logging.log_filter")
    .group(Group::Logging),
];

pub(super) const REST: &[Opt] = &[
    Opt::new(
        "Audit Logs Retention",
        "audit-logs-retention",
        "AUDIT_LOGS_RETENTION",
        "retention.audit_logs",
        field!(retention.audit_logs),
        "How long entries of the audit log are kept.",
    )
    .wire("retention.audit_logs")
    .group(Group::Retention),
    Opt::new(
        "API Keys Retention",
        "api-keys-retention",
        "API_KEYS_RETENTION",
        "retention.api_keys",
        field!(retention.api_keys),
        "How long expired keys are kept.",
    )
    .wire("retention.api_keys")
    .group(Group::Retention),
    Opt::new(
        "Experiments",
        "experiments",
        "EXPERIMENTS",
        "experiments",
        field!(experiments),
        "Features to try out, by name; * for all.",
    )
    .wire("experiments"),
];
