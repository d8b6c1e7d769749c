"""Systems whose scaling is known exactly: what the tests must say of them is known before they are run."""
