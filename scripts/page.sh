#!/bin/sh
# Builds the page of the map from web/ into the package; with --check, builds it elsewhere and compares.
# Needs Node 20.19 or newer. Neither a clone nor a user needs it, as the build is committed.
set -eu
cd "$(dirname "$0")/../web"
page=../src/geoglot/app/page

npm ci --no-audit --no-fund --loglevel=error
if [ "${1:-}" != --check ]; then
  npm run types
  exec npm run build
fi

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
npm test
npm run build -- --outDir "$fresh/page"
npx openapi-typescript openapi.json --output "$fresh/schema.ts"
diff "$fresh/schema.ts" src/api/schema.ts >/dev/null && diff -r "$fresh/page" "$page" >/dev/null || {
  echo "src/geoglot/app/page is not what web/ builds: run make page, and commit what it changes" >&2
  exit 1
}
