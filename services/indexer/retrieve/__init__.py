"""From a question to ranked hits, all inside the caller's scope: view → candidates → features → rank → answer."""
