use std::{path::PathBuf, time::Duration};

use warren_build_proto::JobErrorCode;
use warren_provisioner::{Provisioner, ProvisionerConfig};
use warren_vocab::Transition;

use super::rig::{PROVIDER, Rig};

#[tokio::test]
async fn an_error_in_the_template_names_file_and_line() {
    let rig = Rig::new();
    let main = "resource \"terraform_data\" \"a\" {\n  input = local.nope\n}\n";
    let failure = rig.import(&[("main.tf", main)]).await.unwrap_err();
    assert!(
        failure.message.contains("main.tf line 2: Reference to undeclared local value"),
        "{}",
        failure.message
    );
    assert!(rig.log.text().contains("error on main.tf line 2, in resource \"terraform_data\" \"a\":"));
    let failure = rig.import(&[("main.tf", "resource {\n")]).await.unwrap_err();
    assert!(failure.message.contains("main.tf line 1"), "{}", failure.message);
    assert!(rig.is_clean());
}

#[tokio::test]
async fn the_providers_own_checks_name_file_and_line() {
    let rig = Rig::new();
    let main = format!(
        "{PROVIDER}resource \"coder_agent\" \"main\" {{\n  os   = \"plan9\"\n  arch = \"amd64\"\n}}\n"
    );
    let failure = rig.import(&[("main.tf", &main)]).await.unwrap_err();
    assert!(failure.message.contains("main.tf line 10: expected os to be one of"), "{}", failure.message);
}

#[tokio::test]
async fn a_type_that_is_not_supported_yet_says_so() {
    let rig = Rig::new();
    let main = format!(
        "{PROVIDER}resource \"coder_agent\" \"main\" {{\n  os = \"linux\"\n  arch = \"amd64\"\n}}\n\
         resource \"coder_devcontainer\" \"d\" {{\n  agent_id = coder_agent.main.id\n  workspace_folder = \"/w\"\n}}\n"
    );
    let failure = rig.import(&[("main.tf", &main)]).await.unwrap_err();
    assert!(failure.message.contains("coder_devcontainer is not supported yet"), "{}", failure.message);
}

#[tokio::test]
async fn without_terraform_one_sentence_says_what_to_do() {
    let rig = Rig::with(|config| config.terraform = Some(PathBuf::from("/nowhere/terraform")));
    let failure = rig.import(&[("main.tf", "")]).await.unwrap_err();
    assert!(
        failure.message.starts_with("Terraform was not found at /nowhere/terraform: "),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn a_variable_without_a_value_has_its_own_code() {
    let rig = Rig::new();
    let failure = rig.import(&[("main.tf", "variable \"region\" {}\n")]).await.unwrap_err();
    assert_eq!(failure.code, Some(JobErrorCode::RequiredTemplateVariables), "{}", failure.message);
}

#[tokio::test]
async fn a_parameter_value_that_breaks_its_rule_fails_the_build() {
    let rig = Rig::new();
    let main = format!(
        "{PROVIDER}data \"coder_parameter\" \"n\" {{\n  name = \"n\"\n  type = \"number\"\n  validation {{\n    max = 3\n  }}\n}}\n"
    );
    let result = rig.build_with(Transition::Start, &[], &[("main.tf", &main)], &[("n", "4")]).await;
    let failure = result.unwrap_err();
    assert!(failure.message.contains("value 4 is more than the maximum 3"), "{}", failure.message);
}

#[tokio::test]
async fn a_failed_apply_keeps_the_state_of_what_was_made() {
    let rig = Rig::new();
    let main = r#"
resource "terraform_data" "made" {}
resource "terraform_data" "broken" {
  depends_on = [terraform_data.made]
  provisioner "local-exec" { command = "echo going down; exit 3" }
}
"#;
    let failure = rig.build(Transition::Start, &[], &[("main.tf", main)]).await.unwrap_err();
    assert!(failure.message.contains("exit status 3"), "{}", failure.message);
    let state = String::from_utf8(failure.state.unwrap()).unwrap();
    assert!(state.contains("\"made\""), "{state}");
    assert!(rig.log.text().contains("going down"));
}

#[tokio::test]
async fn a_canceled_build_stops_terraform_and_keeps_the_state() {
    let rig = Rig::with(|config| config.interrupt_grace = Duration::from_secs(60));
    let main = r#"
resource "terraform_data" "made" {}
resource "terraform_data" "slow" {
  depends_on = [terraform_data.made]
  provisioner "local-exec" { command = "echo waiting; exec sleep 600" }
}
"#;
    let files = [("main.tf", main)];
    let build = rig.build(Transition::Start, &[], &files);
    let cancel = async {
        rig.log.wait_for("(local-exec): waiting").await;
        rig.cancel.cancel();
    };
    let (result, ()) = tokio::time::timeout(Duration::from_secs(50), async { tokio::join!(build, cancel) })
        .await
        .expect("an interrupt ends terraform long before its grace is over");
    let failure = result.unwrap_err();
    assert!(failure.canceled, "{failure:?}");
    assert!(String::from_utf8(failure.state.unwrap()).unwrap().contains("\"made\""));
    assert!(rig.is_clean());
}

#[tokio::test]
async fn terraform_that_ignores_the_interrupt_is_killed() {
    let rig = Rig::with(|config| config.interrupt_grace = Duration::from_millis(300));
    let main = r#"
resource "terraform_data" "stubborn" {
  provisioner "local-exec" { command = "trap '' INT TERM; echo waiting; sleep 600; sleep 600" }
}
"#;
    let files = [("main.tf", main)];
    let build = rig.build(Transition::Start, &[], &files);
    let cancel = async {
        rig.log.wait_for("(local-exec): waiting").await;
        rig.cancel.cancel();
    };
    let (result, ()) = tokio::time::timeout(Duration::from_secs(50), async { tokio::join!(build, cancel) })
        .await
        .expect("a kill ends terraform");
    assert!(result.unwrap_err().canceled);
    rig.no_process_is_left().await;
}

#[tokio::test]
async fn what_a_dead_server_left_behind_is_ended_and_its_state_kept() {
    let rig = Rig::new();
    let job = uuid::Uuid::new_v4();
    let work = rig.dir.path().join("provisioner");
    let leftover = work.join("tf-old");
    for dir in [&work.join(job.to_string()), &leftover] {
        std::fs::create_dir_all(dir).unwrap();
        let orphan = std::process::Command::new("sh")
            .args(["-c", "sleep 600 & wait"])
            .current_dir(dir)
            .spawn()
            .unwrap();
        // Whoever started it is gone; nobody waits for it.
        drop(orphan);
    }
    std::fs::write(work.join(job.to_string()).join("terraform.tfstate"), "{\"version\":4}").unwrap();
    let config = ProvisionerConfig::in_dir(rig.dir.path(), None);
    let config = ProvisionerConfig { interrupt_grace: Duration::from_millis(200), ..config };
    let provisioner = Provisioner::new(config);
    assert_eq!(provisioner.recover(job).await.as_deref(), Some(b"{\"version\":4}".as_slice()));
    assert_eq!(provisioner.recover(uuid::Uuid::new_v4()).await, None);
    assert!(leftover.exists());
    provisioner.clear().await;
    assert!(rig.is_clean());
    rig.no_process_is_left().await;
}
