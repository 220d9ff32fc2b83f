//! The one place that prints. On a runner every line is a possible command: text from outside comes here escaped.

/// Prints one line on standard output; a reader who has gone away is no fault of ours.
pub fn line(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    if let Err(error) = written {
        tracing::debug!(code = "DG900", %error, "standard output is closed");
    }
}
