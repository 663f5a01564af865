-- Ids are never given twice (AUTOINCREMENT): clients keep them, as they do GitHub's.
CREATE TABLE IF NOT EXISTS user (
    id INTEGER PRIMARY KEY AUTOINCREMENT, login TEXT NOT NULL UNIQUE COLLATE NOCASE, kind TEXT NOT NULL, admin BOOLEAN NOT NULL,
    checks BOOLEAN NOT NULL, installation BOOLEAN NOT NULL, created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS token (
    digest TEXT PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES user (id), expires_at TEXT, permissions TEXT
);
CREATE TABLE IF NOT EXISTS app (
    id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL UNIQUE REFERENCES user (id), public_key TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS installation (
    id INTEGER PRIMARY KEY AUTOINCREMENT, app_id INTEGER NOT NULL REFERENCES app (id), owner TEXT NOT NULL COLLATE NOCASE,
    suspended BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE TABLE IF NOT EXISTS scope (
    digest TEXT PRIMARY KEY, installation_id INTEGER NOT NULL REFERENCES installation (id), repositories TEXT
);
CREATE TABLE IF NOT EXISTS repo (
    id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL COLLATE NOCASE, name TEXT NOT NULL COLLATE NOCASE,
    private BOOLEAN NOT NULL, default_branch TEXT NOT NULL, description TEXT NOT NULL, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL, pushed_at TEXT NOT NULL, has_issues BOOLEAN NOT NULL DEFAULT TRUE,
    archived BOOLEAN NOT NULL DEFAULT FALSE, auto_merge BOOLEAN NOT NULL DEFAULT FALSE,
    actions_propose BOOLEAN NOT NULL DEFAULT TRUE, parent_id INTEGER, UNIQUE (owner, name)
);
CREATE TABLE IF NOT EXISTS moved (
    owner TEXT NOT NULL COLLATE NOCASE, name TEXT NOT NULL COLLATE NOCASE, repo_id INTEGER NOT NULL, PRIMARY KEY (owner, name)
);
CREATE TABLE IF NOT EXISTS rule (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, source TEXT NOT NULL, name TEXT NOT NULL,
    pattern TEXT NOT NULL, pull_request BOOLEAN NOT NULL, checks TEXT NOT NULL, strict BOOLEAN NOT NULL,
    locked BOOLEAN NOT NULL, creation BOOLEAN NOT NULL, deletion BOOLEAN NOT NULL, rewrite BOOLEAN NOT NULL,
    queue BOOLEAN NOT NULL, bypass TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS queued (
    issue_id INTEGER PRIMARY KEY, actor_id INTEGER NOT NULL, head_ref TEXT NOT NULL, head_sha TEXT NOT NULL,
    base_sha TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS collaborator (
    repo_id INTEGER NOT NULL, user_id INTEGER NOT NULL, permission TEXT NOT NULL, PRIMARY KEY (repo_id, user_id)
);
CREATE TABLE IF NOT EXISTS issue (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, number INTEGER NOT NULL, is_pull BOOLEAN NOT NULL,
    title TEXT NOT NULL, body TEXT, state TEXT NOT NULL, state_reason TEXT, author_id INTEGER NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL, closed_at TEXT, closed_by_id INTEGER, UNIQUE (repo_id, number)
);
CREATE TABLE IF NOT EXISTS body_edit (
    id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL, editor_id INTEGER NOT NULL, body TEXT NOT NULL,
    edited_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS edit_of_issue ON body_edit (issue_id);
CREATE TABLE IF NOT EXISTS pull (
    issue_id INTEGER PRIMARY KEY, base_ref TEXT NOT NULL, base_sha TEXT NOT NULL, head_repo_id INTEGER NOT NULL,
    head_ref TEXT NOT NULL, head_sha TEXT NOT NULL, draft BOOLEAN NOT NULL, merged_at TEXT, merged_by_id INTEGER,
    merge_sha TEXT, auto_merge_by_id INTEGER, auto_merge_method TEXT
);
CREATE TABLE IF NOT EXISTS label (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, name TEXT NOT NULL COLLATE NOCASE, color TEXT NOT NULL,
    description TEXT, UNIQUE (repo_id, name)
);
CREATE TABLE IF NOT EXISTS issue_label (
    issue_id INTEGER NOT NULL, label_id INTEGER NOT NULL REFERENCES label (id) ON DELETE CASCADE,
    PRIMARY KEY (issue_id, label_id)
);
CREATE TABLE IF NOT EXISTS assigned (
    issue_id INTEGER NOT NULL, user_id INTEGER NOT NULL, role TEXT NOT NULL, PRIMARY KEY (issue_id, user_id, role)
);
CREATE TABLE IF NOT EXISTS comment (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, issue_id INTEGER NOT NULL, author_id INTEGER NOT NULL,
    body TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS comment_of_issue ON comment (issue_id);
CREATE TABLE IF NOT EXISTS reaction (
    id INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, subject_id INTEGER NOT NULL, user_id INTEGER NOT NULL,
    content TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE (subject, subject_id, user_id, content)
);
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL, actor_id INTEGER NOT NULL, event TEXT NOT NULL, detail TEXT,
    created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS event_of_issue ON event (issue_id);
CREATE TABLE IF NOT EXISTS status (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, sha TEXT NOT NULL, state TEXT NOT NULL, context TEXT NOT NULL,
    description TEXT, target_url TEXT, creator_id INTEGER NOT NULL, created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS status_of_commit ON status (repo_id, sha);
CREATE TABLE IF NOT EXISTS suite (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, sha TEXT NOT NULL, creator_id INTEGER NOT NULL,
    UNIQUE (repo_id, sha, creator_id)
);
CREATE TABLE IF NOT EXISTS check_run (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, suite_id INTEGER NOT NULL, head_sha TEXT NOT NULL,
    name TEXT NOT NULL, status TEXT NOT NULL, conclusion TEXT, external_id TEXT NOT NULL, details_url TEXT,
    started_at TEXT, completed_at TEXT, title TEXT, summary TEXT, text TEXT, creator_id INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS check_of_commit ON check_run (repo_id, head_sha);
CREATE TABLE IF NOT EXISTS annotation (
    id INTEGER PRIMARY KEY AUTOINCREMENT, check_run_id INTEGER NOT NULL, path TEXT NOT NULL, start_line INTEGER NOT NULL,
    end_line INTEGER NOT NULL, start_column INTEGER, end_column INTEGER, annotation_level TEXT NOT NULL,
    message TEXT NOT NULL, title TEXT, raw_details TEXT
);
CREATE INDEX IF NOT EXISTS annotation_of_check ON annotation (check_run_id);
CREATE TABLE IF NOT EXISTS hook (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, url TEXT NOT NULL, secret TEXT NOT NULL, events TEXT NOT NULL,
    active BOOLEAN NOT NULL, created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT, hook_id INTEGER NOT NULL, guid TEXT NOT NULL, event TEXT NOT NULL, action TEXT,
    payload TEXT NOT NULL, status_code INTEGER NOT NULL, delivered_at TEXT NOT NULL, redelivery BOOLEAN NOT NULL
);
CREATE INDEX IF NOT EXISTS delivery_of_hook ON delivery (hook_id);
CREATE TABLE IF NOT EXISTS deployment (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, sha TEXT NOT NULL, ref TEXT NOT NULL, task TEXT NOT NULL,
    environment TEXT NOT NULL, description TEXT NOT NULL, payload TEXT NOT NULL, creator_id INTEGER NOT NULL,
    created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS deployment_status (
    id INTEGER PRIMARY KEY AUTOINCREMENT, deployment_id INTEGER NOT NULL, state TEXT NOT NULL, description TEXT NOT NULL,
    environment TEXT NOT NULL, log_url TEXT NOT NULL, environment_url TEXT NOT NULL, creator_id INTEGER NOT NULL,
    created_at TEXT NOT NULL
);
