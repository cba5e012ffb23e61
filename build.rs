//! Compiles `proto/pubsub_api.proto` without a system protoc: once as a client for the product,
//! once as a server for the sandbox, which share no code.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto/pubsub_api.proto");
    let files = protox::compile(["pubsub_api.proto"], ["proto"])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    for (folder, client) in [("client", true), ("server", false)] {
        let folder = out.join(folder);
        std::fs::create_dir_all(&folder)?;
        tonic_prost_build::configure()
            .build_client(client)
            .build_server(!client)
            .bytes(".")
            .out_dir(folder)
            .compile_fds(files.clone())?;
    }
    Ok(())
}
