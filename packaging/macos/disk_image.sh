#!/usr/bin/env bash
# A disk image of dist/Companion.app: signed and notarized when the names for it are set, as it is otherwise.
#
#   SIGNING_IDENTITY   “Developer ID Application: …” in the keychain
#   NOTARY_PROFILE     a profile that `xcrun notarytool store-credentials` has kept
#   DRY_RUN=1          print the commands and run none
set -euo pipefail
cd "$(dirname "$0")/../.."
version="$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' companion/__init__.py)"
app="dist/Companion.app"
image="dist/companion-${version}-macos-$(uname -m).dmg"

run() {
    if [ "${DRY_RUN:-}" = 1 ]; then printf '%q ' "$@"; echo; else "$@"; fi
}

if [ ! -d "$app" ] && [ "${DRY_RUN:-}" != 1 ]; then
    echo "$app is not there: python3 packaging/build.py frozen makes it." >&2
    exit 1
fi
if [ -n "${SIGNING_IDENTITY:-}" ]; then
    run codesign --force --deep --timestamp --options runtime --entitlements packaging/macos/entitlements.plist \
        --sign "$SIGNING_IDENTITY" "$app"
    run codesign --verify --strict "$app"
fi
stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
run cp -R "$app" "$stage/"
run ln -s /Applications "$stage/Applications"
run hdiutil create -volname Companion -srcfolder "$stage" -format ULMO -ov "$image"
if [ -n "${SIGNING_IDENTITY:-}" ] && [ -n "${NOTARY_PROFILE:-}" ]; then
    run codesign --sign "$SIGNING_IDENTITY" --timestamp "$image"
    run xcrun notarytool submit "$image" --keychain-profile "$NOTARY_PROFILE" --wait
    run xcrun stapler staple "$image"
fi
echo "$image"
