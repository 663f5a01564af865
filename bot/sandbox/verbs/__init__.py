"""What can happen in the sandbox: each verb changes state and announces it, whoever asked (API, page or push)."""
