//! Packs a template's directory into the tar archive that is uploaded.
//!
//! Owns which files belong to a template and the limits on the client's side. The archive depends on names and contents
//! only, so that pushing an unchanged directory uploads the same bytes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

/// The largest template, in bytes of file contents.
pub const TEMPLATE_BYTES_MAX: u64 = 1 << 20;
const LOCK_FILE: &str = ".terraform.lock.hcl";

/// A packed template.
#[derive(Debug)]
pub struct Archive {
    pub tar: Vec<u8>,
    /// Whether provider versions are pinned.
    pub has_lock_file: bool,
}

/// Packs a directory.
///
/// # Errors
/// When it is not a template: no Terraform file at the top, too large, or something in it that is neither file nor
/// directory.
pub fn pack(directory: &Path) -> anyhow::Result<Archive> {
    let mut files = Vec::new();
    collect(directory, &PathBuf::new(), &mut files)?;
    let at_top = |file: &PathBuf| file.parent() == Some(Path::new(""));
    if !files.iter().any(|file| at_top(file) && is_terraform(file)) {
        bail!("{} is not a template: it has no .tf or .tf.json file", directory.display());
    }
    let has_lock_file = files.iter().any(|file| file == Path::new(LOCK_FILE));
    Ok(Archive { tar: write_tar(directory, &files)?, has_lock_file })
}

fn collect(root: &Path, inside: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let directory = root.join(inside);
    let entries = fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.with_context(|| format!("cannot read {}", directory.display()))?.file_name();
        let name = name.into_string().map_err(|name| anyhow::anyhow!("{name:?} is not a UTF-8 file name"))?;
        names.push(name);
    }
    names.sort();
    for name in names.into_iter().filter(|name| !is_left_out(name)) {
        let path = inside.join(&name);
        let kind = fs::symlink_metadata(root.join(&path))
            .with_context(|| format!("cannot read {}", path.display()))?
            .file_type();
        if kind.is_dir() {
            collect(root, &path, files)?;
        } else if kind.is_file() {
            files.push(path);
        } else {
            bail!("{} is neither a file nor a directory; templates cannot contain links", path.display());
        }
    }
    Ok(())
}

fn is_left_out(name: &str) -> bool {
    let hidden = name.starts_with('.') && name != LOCK_FILE;
    let state = name.contains(".tfstate");
    let values = matches!(name, "terraform.tfvars" | "terraform.tfvars.json")
        || name.ends_with(".auto.tfvars")
        || name.ends_with(".auto.tfvars.json");
    hidden || state || values
}

fn is_terraform(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.ends_with(".tf") || name.ends_with(".tf.json")
}

fn write_tar(root: &Path, files: &[PathBuf]) -> anyhow::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut size = 0;
    for file in files {
        let path = root.join(file);
        let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        size += content.len() as u64;
        if size > TEMPLATE_BYTES_MAX {
            bail!("{} is larger than 1 MiB; move large files out of the template", root.display());
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(mode(&path)?);
        header.set_mtime(0);
        archive
            .append_data(&mut header, file, content.as_slice())
            .with_context(|| format!("cannot pack {}", path.display()))?;
    }
    archive.into_inner().context("cannot finish the archive")
}

fn mode(path: &Path) -> anyhow::Result<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode =
        fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.permissions().mode();
    Ok(if mode & 0o100 == 0 { 0o644 } else { 0o755 })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn template(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        dir
    }

    fn names(archive: &Archive) -> Vec<String> {
        let mut reader = tar::Archive::new(archive.tar.as_slice());
        reader.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect()
    }

    #[test]
    fn state_values_and_hidden_files_stay_at_home() {
        let dir = template(&[
            ("main.tf", "a"),
            (".terraform.lock.hcl", "b"),
            (".git/config", "c"),
            (".env", "c"),
            ("terraform.tfstate", "c"),
            ("terraform.tfstate.backup", "c"),
            ("terraform.tfvars", "c"),
            ("x.auto.tfvars.json", "c"),
            ("build/run.sh", "d"),
        ]);
        let archive = pack(dir.path()).unwrap();
        assert_eq!(names(&archive), [".terraform.lock.hcl", "build/run.sh", "main.tf"]);
        assert!(archive.has_lock_file);
    }

    #[test]
    fn the_same_files_make_the_same_bytes() {
        let files = [("main.tf", "a"), ("b/c.tf", "d")];
        assert_eq!(pack(template(&files).path()).unwrap().tar, pack(template(&files).path()).unwrap().tar);
    }

    #[test]
    fn contents_and_executable_bits_are_kept() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = template(&[("main.tf", "resource"), ("run.sh", "x")]);
        fs::set_permissions(dir.path().join("run.sh"), fs::Permissions::from_mode(0o700)).unwrap();
        let archive = pack(dir.path()).unwrap();
        let mut reader = tar::Archive::new(archive.tar.as_slice());
        let mut entries = reader.entries().unwrap();
        let mut main = entries.next().unwrap().unwrap();
        let mut content = String::new();
        main.read_to_string(&mut content).unwrap();
        assert_eq!((content.as_str(), main.header().mode().unwrap()), ("resource", 0o644));
        assert_eq!(entries.next().unwrap().unwrap().header().mode().unwrap(), 0o755);
    }

    #[test]
    fn what_is_not_a_template_is_refused() {
        let error = pack(template(&[("modules/main.tf", "a")]).path()).unwrap_err();
        assert!(error.to_string().contains("no .tf or .tf.json file"), "{error}");
        let large = "x".repeat(1 << 20);
        let error = pack(template(&[("main.tf", "a"), ("large", &large)]).path()).unwrap_err();
        assert!(error.to_string().contains("larger than 1 MiB"), "{error}");
        let linked = template(&[("main.tf", "a")]);
        std::os::unix::fs::symlink("/etc/passwd", linked.path().join("passwd")).unwrap();
        let error = pack(linked.path()).unwrap_err();
        assert!(error.to_string().contains("cannot contain links"), "{error}");
        assert!(pack(Path::new("/does/not/exist")).is_err());
    }
}
