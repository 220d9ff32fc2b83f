//! The one place that prints. On a runner every line is a possible command: text from outside comes here escaped.

/// Prints one line on standard output; a reader who has gone away is no fault of ours.
pub fn line(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    if let Err(error) = written {
        tracing::debug!(code = "DG900", %error, "standard output is closed");
    }
}

/// Prints one line on standard error.
pub fn error_line(text: &str) {
    use std::io::Write;
    // Nobody is left to be told that standard error is closed.
    let _closed = writeln!(std::io::stderr().lock(), "{text}");
}

/// Standard error for logs: a runner reads it for commands too, so every line is made harmless.
pub struct EscapedStderr;

impl std::io::Write for EscapedStderr {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let mut err = std::io::stderr().lock();
        for line in text.lines() {
            writeln!(err, "{}", crate::render::annotation::safe_line(line))?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().lock().flush()
    }
}
