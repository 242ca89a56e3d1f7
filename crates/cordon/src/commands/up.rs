//! Running a node on this machine.

mod bootstrap;
mod ways;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use cordon_domain::{Clock as _, Level, PrincipalId, Role, Scope, UserName};
use cordon_identity::{Beside, ProviderSettings, PublicUrl};
use cordon_server::limits::DRAIN_S;
use cordon_server::{Doors, Node, PurgeHook, Settings, Tls, serve};
use cordon_store::edge::SystemClock;
use cordon_store::{Installation, Places};
use tokio::net::TcpListener;
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::commands::db::create;
use crate::commands::people::invite::{Person, bring_in};
use crate::commands::people::link::link_for;
use crate::commands::up::ways::Ways;
use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, failure, harden, lock_memory};
use crate::limits::{BANNER_CHARS_MAX, FIRST_TRAINED_MS};
use crate::remote::Reached;

/// Run a node on this machine: people sign in, take keys and approve there; the log is published. The first time it makes an
/// installation, brings you in, and prints a link that sets your way to sign in, once.
///
/// On the loopback address it speaks plain HTTP. Elsewhere it takes a certificate (--tls-certificate), or a proxy before it that
/// encrypts and that --proxy names. What is the same each time can stand in `cordon.toml`: see docs/settings.md.
///
/// Example: cordon up
#[derive(Args)]
#[group(id = "up-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    reached: Reached,
    #[command(flatten)]
    ways: Ways,
    /// A file that says of your organisation's identity provider (OpenID Connect): see docs/identity.md.
    #[arg(long, value_name = "FILE", env = "CORDON_OIDC")]
    oidc: Option<PathBuf>,
    /// What you sign in as, the first time [default: your name on this machine].
    #[arg(long, value_name = "NAME")]
    name: Option<UserName>,
    /// Where to tell that something is public no more, so that copies are removed: an address of https, or of this machine.
    #[arg(long, value_name = "URL", env = "CORDON_PURGE_HOOK", hide_env_values = true)]
    purge_hook: Option<PurgeHook>,
    /// What every page says at its top: which of several installations this is, or what it is for.
    #[arg(long, value_name = "TEXT", value_parser = banner)]
    banner: Option<String>,
    #[command(flatten)]
    bootstrap: bootstrap::Options,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let url = arguments.reached.url()?;
    arguments.ways.check(&url)?;
    arguments.bootstrap.check(arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::internal(error.to_string()))?;
    let places = arguments.at.place.places()?;
    let tls = arguments.ways.tls(&url)?;
    if !runtime.block_on(places.holds_installation()).map_err(failure)? {
        create::first(&arguments.at)?;
    }
    let (node, doors) = runtime.block_on(begun(arguments, places, &url, tls))?;
    // Where what is stored is not whole, nobody is let in, and nobody is brought in.
    let nobody =
        node.identity().snapshot().is_ok_and(|now| now.roster().principals.is_empty() && now.locked().is_empty());
    if nobody {
        first_person(arguments, &url)?;
    }
    arguments.bootstrap.write(&arguments.at, &node)?;
    runtime.block_on(node.follow());
    eprintln!("objects at {} (S3); in another terminal:", node.objects_url());
    eprintln!("  cordon login\n  eval \"$(cordon env)\"\n  aws s3 mb s3://notes");
    eprintln!("answering at {}; sign in there; Ctrl-C ends it", url.origin());
    runtime.block_on(async {
        let (end, until) = watch::channel(false);
        tokio::spawn(async move {
            ended_by_signal().await;
            eprintln!(
                "ending once what is under way is answered, in {DRAIN_S} seconds at most; Ctrl-C again ends it now"
            );
            // Whoever served has ended already.
            let _ = end.send(true);
            ended_by_signal().await;
            eprintln!("ended at once; what was recorded is published when a node begins again");
            std::process::exit(130);
        });
        serve(Arc::new(node), doors, until).await.map_err(failure)
    })?;
    // A look into something long that goes on is left to the next start.
    runtime.shutdown_background();
    eprintln!("ended; what was recorded is published");
    Ok(Exit::Clean)
}

fn banner(text: &str) -> Result<String, String> {
    match text.chars().count() {
        1..=BANNER_CHARS_MAX => Ok(text.to_owned()),
        _ => Err(format!("it has 1 to {BANNER_CHARS_MAX} characters")),
    }
}

/// Opens the installation, and listens.
async fn begun(
    arguments: &Arguments,
    places: Places,
    url: &PublicUrl,
    tls: Option<Tls>,
) -> Result<(Node, Doors), Failure> {
    if places.server.is_some() {
        arguments.ways.warn_if_unasked();
    }
    let doors = arguments.ways.doors().await?;
    let local = |door: &TcpListener| door.local_addr().map_err(|error| Failure::internal(error.to_string()));
    let (listens, at) = (local(&doors.pages)?, local(&doors.objects)?);
    let provider = arguments.at.holder.provider(&places)?;
    let oidc = arguments.oidc.as_deref().map(identity_provider).transpose()?;
    harden();
    let installation = Installation::open(places, &provider, Arc::new(SystemClock)).await.map_err(failure)?;
    lock_memory(&installation);
    let inspector = std::env::current_exe().map_err(|error| Failure::internal(error.to_string()))?;
    let settings = Settings {
        public_url: url.clone(),
        listens,
        proxies: arguments.ways.proxy.clone(),
        objects_url: arguments.ways.objects_url(at, url),
        inspector: Some(inspector),
        purge: arguments.purge_hook.clone(),
        banner: arguments.banner.clone(),
        tls,
    };
    let node = Node::begin(installation, settings, oidc, Arc::new(SystemClock)).await;
    let node =
        node.map_err(|error| Failure::usage(error.to_string(), "see --public-url, and `cordon audit verify`"))?;
    Ok((node, doors))
}

/// Reads what the organisation says of its identity provider. The file of the secret stands beside it, and is for one user's
/// eyes.
fn identity_provider(path: &Path) -> Result<ProviderSettings, Failure> {
    let unreadable =
        |path: &Path, error: &dyn std::fmt::Display| format!("`{}` cannot be read: {error}", path.display());
    let wrong = |what: String| Failure::usage(what, "see docs/identity.md on identity providers");
    let text = std::fs::read_to_string(path).map_err(|error| wrong(unreadable(path, &error)))?;
    let beside = |what: Beside, name: &str| {
        let beside = path.parent().unwrap_or(Path::new("")).join(name);
        let mode = std::fs::metadata(&beside).map_err(|error| unreadable(&beside, &error))?.permissions().mode();
        if what == Beside::Secret && mode & 0o077 != 0 {
            return Err(format!("others may read `{}`: chmod 600 it", beside.display()));
        }
        let text = std::fs::read_to_string(&beside).map(Zeroizing::new).map_err(|error| unreadable(&beside, &error))?;
        Ok(Zeroizing::new(text.trim_end().to_owned()))
    };
    ProviderSettings::read(&text, beside).map_err(|error| wrong(format!("`{}`: {error}", path.display())))
}

async fn ended_by_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}

/// Brings in whoever is at the machine, when nobody is there: no account exists before, and none has a password. It is done
/// beside the node, as every command is.
fn first_person(arguments: &Arguments, url: &PublicUrl) -> Result<(), Failure> {
    let operated = arguments.at.open()?;
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => own_name()?,
    };
    let id: PrincipalId = operated.run(async {
        let person = Person {
            name: name.clone(),
            clearance: Level::Restricted,
            projects: Vec::new(),
            roles: vec![(Role::Security, Scope::Installation), (Role::Owner, Scope::Installation)],
            // Whoever sets it up knows what it is for; a year on they are asked as everybody is.
            trained_until: Some(SystemClock.now().plus_ms(FIRST_TRAINED_MS)),
            until: None,
            vendor: None,
            me: true,
            reason: "the first person, at the machine".to_owned(),
        };
        bring_in(&operated, person).await
    })?;
    let link = operated.run(link_for(&operated, id, url))?;
    eprintln!(
        "you are `{}`, {id}. This link sets how you sign in; it works once, within three days:\n\n  {}\n\n\
         what takes two people takes a second one: `cordon people invite NAME --role approver:everything`\n",
        name.as_str(),
        link.as_str()
    );
    Ok(())
}

/// What whoever is at the machine is called there. In a container they may have a number alone.
fn own_name() -> Result<UserName, Failure> {
    let plain = |sign: &char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || "._-".contains(*sign);
    let said = ["USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    let number = format!("user-{}", rustix::process::getuid().as_raw());
    let mut names = said.chain([number]).map(|name| name.to_lowercase().chars().filter(plain).collect::<String>());
    let name = names.find_map(|name| name.parse().ok());
    name.ok_or_else(|| Failure::usage("your name on this machine is no user name", "give --name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pages_say_has_a_length() {
        for (text, may) in [("", false), ("staging", true), (&"é".repeat(200), true), (&"é".repeat(201), false)] {
            assert_eq!(banner(text).is_ok(), may, "{}", text.len());
        }
    }
}
