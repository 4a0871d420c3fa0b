"""Let ``python -m sora_gateway`` do what ``sora-gateway`` does."""

from sora_gateway.cli import main

if __name__ == "__main__":
    main()
