//! `[server]`: who may send and ask over a network. A table enters, names of files and variables leave; no secret is read here.

use std::path::{Path, PathBuf};

use super::document::{Table, Value};
use super::error::ConfigError;
use super::{Origins, ServerConfig};

/// Reads `[server]`; files lie beside the configuration.
pub(super) fn read_server(table: &Table, folder: &Path, origins: &mut Origins) -> Result<ServerConfig, ConfigError> {
    let mut file = |key: &'static str, example: &str| -> Result<Option<(Value<'_, '_>, PathBuf)>, ConfigError> {
        let Some(value) = table.get(key) else { return Ok(None) };
        let path = folder.join(value.text(example)?);
        origins.set(format!("server.{key}"), value.origin());
        Ok(Some((value, path)))
    };
    let token_file = file("token_file", "a file name such as \"token\"")?;
    let certificate = file("certificate", "a file name such as \"cert.pem\"")?;
    let key = file("key", "a file name such as \"key.pem\"")?;
    let client_ca = file("client_ca", "a file name such as \"clients.pem\"")?;
    let token_env = table.get("token_env");
    table.finish()?;
    if let (Some((token, _)), Some(_)) = (&token_file, &token_env) {
        return Err(token.refuse("'token_file' and 'token_env' in one [server]: leave one out"));
    }
    match (&certificate, &key) {
        (Some((certificate, _)), None) => {
            return Err(certificate.refuse("'certificate' without 'key': write key = \"key.pem\" below it"));
        }
        (None, Some((key, _))) => {
            return Err(key.refuse("'key' without 'certificate': write certificate = \"cert.pem\" above it"));
        }
        _ => {}
    }
    if let (Some((ca, _)), None) = (&client_ca, &certificate) {
        return Err(ca.refuse("'client_ca' without 'certificate': clients show theirs only where TLS is spoken"));
    }
    let token_env = token_env.map(|value| variable(&value, origins)).transpose()?;
    let path = |file: Option<(Value<'_, '_>, PathBuf)>| file.map(|(_, path)| path);
    Ok(ServerConfig {
        token_file: path(token_file),
        token_env,
        certificate: path(certificate),
        key: path(key),
        client_ca: path(client_ca),
    })
}

fn variable(value: &Value, origins: &mut Origins) -> Result<String, ConfigError> {
    let name = value.text("a variable's name such as \"COSTTOP_TOKEN\"")?;
    let is_name = name
        .bytes()
        .enumerate()
        .all(|(at, byte)| byte == b'_' || byte.is_ascii_alphabetic() || (at > 0 && byte.is_ascii_digit()));
    if !is_name {
        // It may be the token itself: it is not repeated.
        return Err(value.refuse(
            "'token_env' is no name of a variable: write one such as \"COSTTOP_TOKEN\", and the token into it",
        ));
    }
    origins.set("server.token_env", value.origin());
    Ok(name.to_owned())
}
