//! What is asked of the network.

use clap::Args as ClapArgs;

/// Fetch a dataset from where it is published.
///
/// Brings the files that are not on this machine yet into the folder of this user's data, one after the other, and compares each with its published checksum: a file that has its name is whole. What was begun is gone on with; a server that is busy is asked again a few times, after longer and longer pauses. Ctrl-C leaves what has come.
///
/// The folder is ~/.local/share/adieu/data/NAME or what your system has for it; with the variable ADIEU_DATA it is $ADIEU_DATA/NAME. Nothing but this command fetches anything.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu data fetch fashion-mnist
  adieu data fetch cifar10 --mirror https://mirror.example.org/datasets   …/cifar10/FILE
  ADIEU_DATA=/big/data adieu data fetch svhn
  adieu data fetch svhn --json | jq -r '.files[].path'

Any server that shows such a folder is a mirror:
  python3 -m http.server --directory ~/.local/share/adieu/data

Proxies are taken from HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and the certificates to be trusted from the
PEM file that SSL_CERT_FILE names, if it is set.

Without a network it ends with exit code 1, and says which files to put where.")]
pub(crate) struct DataFetch {
    /// Which; `adieu data list` names them
    pub(crate) name: String,

    /// Take the files from URL/NAME/FILE instead of where they are published [default: ADIEU_MIRROR]
    #[arg(long, value_name = "URL", value_hint = clap::ValueHint::Url)]
    pub(crate) mirror: Option<String>,

    /// Fetch what is here already too; a file is replaced when the new one is whole
    #[arg(long)]
    pub(crate) force: bool,

    /// Print one JSON object instead: {"name": …, "folder": …, "files": […]}
    #[arg(long)]
    pub(crate) json: bool,
}
