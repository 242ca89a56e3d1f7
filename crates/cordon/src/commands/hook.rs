//! Git hooks that scan before a commit or a push.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use crate::error::{Failure, write_named};
use crate::exit::Exit;

/// Git hooks that stop a leak before it is committed or pushed.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Install a hook into a repository.
    ///
    /// Example: cordon hook install pre-commit
    Install(Install),
}

#[derive(Args)]
pub(crate) struct Install {
    /// When the hook runs.
    #[arg(value_enum)]
    when: When,
    /// The repository.
    #[arg(long, default_value = ".")]
    repository: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum When {
    /// Scans what is staged.
    PreCommit,
    /// Scans what is about to be pushed.
    PrePush,
}

/// The first lines of hooks that this program writes; another hook is not overwritten.
const MARK: &str = "#!/bin/sh\n# Installed by `cordon hook install`; remove this file to remove the hook.\n";

const PRE_COMMIT: &str = "exec cordon scan --staged\n";

/// Git gives a line `local-ref local-id remote-ref remote-id` for each ref on stdin.
const PRE_PUSH: &str = r#"status=0
zero=0000000000000000000000000000000000000000
while read -r local_ref local_id remote_ref remote_id; do
    [ "$local_id" = "$zero" ] && continue
    if [ "$remote_id" = "$zero" ]; then range="$local_id"; else range="$remote_id..$local_id"; fi
    cordon scan --range "$range" </dev/null || status=$?
done
exit $status
"#;

pub(crate) fn run(command: &Command) -> Result<Exit, Failure> {
    let Command::Install(arguments) = command;
    let (name, body) = match arguments.when {
        When::PreCommit => ("pre-commit", PRE_COMMIT),
        When::PrePush => ("pre-push", PRE_PUSH),
    };
    let folder =
        cordon_scan::git::git_folder(&arguments.repository, &cordon_scan::Tally::default()).ok_or_else(|| {
            Failure::usage(
                format!("`{}` is no git repository", arguments.repository.display()),
                "name one with --repository",
            )
        })?;
    install(&folder.join("hooks"), name, body)
}

fn install(hooks: &Path, name: &str, body: &str) -> Result<Exit, Failure> {
    let path = hooks.join(name);
    if std::fs::read_to_string(&path).is_ok_and(|text| !text.starts_with(MARK)) {
        return Err(Failure::usage(
            format!("`{}` is a hook that cordon did not write", path.display()),
            format!("add a line to it yourself: {}", body.lines().next().unwrap_or_default()),
        ));
    }
    let failed = |error: std::io::Error| {
        Failure::usage(format!("`{}` cannot be made: {error}", path.display()), "run it as the owner of the repository")
    };
    std::fs::create_dir_all(hooks).map_err(failed)?;
    write_named(&path, format!("{MARK}{body}").as_bytes())?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).map_err(failed)?;
    eprintln!("installed `{}`", path.display());
    Ok(Exit::Clean)
}
