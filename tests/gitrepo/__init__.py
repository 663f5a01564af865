"""Real bare repositories, real git over smart HTTP, hostile trees and hostile servers."""
