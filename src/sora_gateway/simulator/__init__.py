"""A stateful server of the Sora web protocol that renders real media."""
