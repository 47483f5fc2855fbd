terraform {
  required_providers {
    coder = {
      source = "coder/coder"
    }
  }
}

data "coder_provisioner" "me" {}

data "coder_workspace" "me" {}

data "coder_workspace_owner" "me" {}

data "coder_parameter" "repository" {
  name         = "repository"
  display_name = "Git repository"
  description  = "Cloned into the home directory when the workspace starts. Leave empty for none."
  default      = ""
  mutable      = true
  order        = 1
}

resource "coder_agent" "main" {
  os   = data.coder_provisioner.me.os
  arch = data.coder_provisioner.me.arch

  display_apps {
    vscode          = true
    vscode_insiders = false
    web_terminal    = true
    ssh_helper      = true
  }

  metadata {
    key          = "load"
    display_name = "Load (host)"
    script       = "cut -d' ' -f1 /proc/loadavg"
    interval     = 10
    timeout      = 2
    order        = 1
  }

  metadata {
    key          = "home"
    display_name = "Home"
    script       = "du -sh \"$HOME\" 2>/dev/null | cut -f1"
    interval     = 60
    timeout      = 20
    order        = 2
  }
}

resource "coder_script" "repository" {
  agent_id     = coder_agent.main.id
  display_name = "Git repository"
  icon         = "/icon/git.svg"
  run_on_start = true
  timeout      = 300
  script       = <<-EOT
    #!/bin/sh
    set -eu
    repository='${replace(data.coder_parameter.repository.value, "'", "'\\''")}'
    if [ -z "$repository" ]; then
      echo "No repository was asked for."
      exit 0
    fi
    directory="$HOME/$(basename "$repository" .git)"
    if [ -e "$directory" ]; then
      echo "$directory is there already."
      exit 0
    fi
    git clone -- "$repository" "$directory"
  EOT
}

resource "coder_app" "processes" {
  agent_id     = coder_agent.main.id
  slug         = "processes"
  display_name = "Processes"
  icon         = "/icon/terminal.svg"
  command      = "top"
}

# The home directory lives as long as the workspace.
resource "terraform_data" "home" {
  input = {
    workspace = data.coder_workspace.me.id
  }

  provisioner "local-exec" {
    quiet   = true
    command = "sh ./process.sh create"
    environment = {
      WORKSPACE = self.input.workspace
    }
  }

  provisioner "local-exec" {
    when    = destroy
    quiet   = true
    command = "sh ./process.sh remove"
    environment = {
      WORKSPACE = self.input.workspace
    }
  }
}

# The processes live while the workspace is started. A new token means a new agent, so they are replaced then.
resource "terraform_data" "process" {
  count            = data.coder_workspace.me.start_count
  depends_on       = [terraform_data.home]
  triggers_replace = [coder_agent.main.token]
  input = {
    workspace = data.coder_workspace.me.id
  }

  provisioner "local-exec" {
    quiet   = true
    command = "sh ./process.sh start"
    environment = {
      WORKSPACE      = self.input.workspace
      WORKSPACE_NAME = data.coder_workspace.me.name
      AGENT_SCRIPT   = coder_agent.main.init_script
      # Not shown anywhere; a value marked as sensitive would hide what the script says.
      AGENT_TOKEN = nonsensitive(coder_agent.main.token)
    }
  }

  provisioner "local-exec" {
    when    = destroy
    quiet   = true
    command = "sh ./process.sh stop"
    environment = {
      WORKSPACE = self.input.workspace
    }
  }
}

resource "coder_metadata" "process" {
  count       = data.coder_workspace.me.start_count
  resource_id = terraform_data.process[0].id
  icon        = "/icon/terminal.svg"
  item {
    key   = "host"
    value = "${data.coder_provisioner.me.os}/${data.coder_provisioner.me.arch}"
  }
  item {
    key   = "owner"
    value = data.coder_workspace_owner.me.name
  }
}

resource "coder_metadata" "home" {
  resource_id = terraform_data.home.id
  icon        = "/icon/folder.svg"
  item {
    key   = "directory"
    value = "workspaces/${data.coder_workspace.me.id}/home"
  }
}
