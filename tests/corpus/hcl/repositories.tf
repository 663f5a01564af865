provider "github" {}

resource "github_repository" "recipes" {
  name       = "recipes"
  visibility = "private"

  has_issues   = true
  has_wiki     = false
  topics       = ["bread", "cake",
                  "rolls"]
  homepage_url = "https://recipes.example.com/?from=git#top"
}

resource "github_branch_protection" "recipes" {
  repository_id  = github_repository.recipes.node_id
  pattern        = "release/**"
  enforce_admins = true

  required_pull_request_reviews {
    required_approving_review_count = 2
    dismiss_stale_reviews           = true
  }
  required_status_checks {
    strict   = true
    contexts = ["ci / test", "clockwork"]
  }
}

resource "github_team_membership" "rosa" {
  team_id  = "4242"
  username = "rosa"
  role     = "maintainer"
}
