/** The commands of the restore instructions, which tests run as they stand. */

/** What these instructions write themselves. */
const listNames = ["artifacts.txt", "erased", "erased.txt", "sealed.txt", "manifest", "manifest.sha256", "stored.sha256", "tools"];

/**
 * Reads a manifest into lists that the commands below go by. `written`: names that the engines'
 * chapters write. Anyone who can write to the vault chose what it says: only names that Holdfast
 * gives are taken, which cannot leave the working directory, stand for another file of these
 * instructions, or mean anything to a shell.
 */
export const readManifestScript = (written: readonly string[]) => String.raw`import json, re, sys

vault, source, backup = sys.argv[1:]
with open(f"{vault}/manifests/{source}/{backup}.json", encoding="utf-8") as file:
    try:
        manifest = json.load(file)
    except (ValueError, RecursionError) as problem:
        sys.exit(f"the manifest is damaged, choose another backup: {problem}")

def plain(value):
    return re.sub(r"[^\x20-\x7e]", "?", str(value))[:200]

def require(value, pattern):
    if isinstance(value, str) and re.fullmatch(pattern, value):
        return value
    sys.exit(f"the manifest was changed by somebody, choose another backup: {plain(value)} cannot be there")

require(source, r"[A-Za-z0-9][A-Za-z0-9._-]*")
backup_id = r"\d{8}T\d{6}Z-[a-z]+(?:-first)?-[0-9a-z]{6}"
require(backup, backup_id)
if manifest.get("source", source) != source or manifest.get("id", backup) != backup:
    sys.exit(f"this is the manifest of {plain(manifest['source'])}/{plain(manifest['id'])}")
print(plain(manifest["engine"]), plain(manifest["kind"]), "backup of", source, "as of", plain(manifest["coverage"]["to"]["at"]))
if manifest["base"] is not None:
    print("it builds on", plain(manifest["base"]["id"]), "which must be restored before it")
taken = {${[...listNames, ...written].map((name) => JSON.stringify(name)).join(", ")}}
key = "file:none"
with open("stored.sha256", "w") as stored, open("artifacts.txt", "w") as names, open("sealed.txt", "w") as seals:
    for artifact in manifest["artifacts"]:
        name = require(artifact["name"], r"[a-z0-9][a-z0-9.-]{0,199}")
        compression = require(artifact["compression"], "none|zstd")
        key = require(artifact["keyId"], r"(file|kms):[A-Za-z0-9:/._-]+")
        stored_by = require(artifact.get("reusedFrom", backup), backup_id)
        opened = name + (".zst" if compression == "zstd" else "")
        for each in {name, opened}:
            if each in taken or each.endswith((".py", ".sh")):
                sys.exit(f"the manifest was changed by somebody, choose another backup: {each} cannot be an artifact")
        taken |= {name, opened}
        print(name, plain(artifact["role"]), plain(artifact["format"]), "compression", compression, "key", key)
        print(require(artifact["storedSha256"], "[0-9a-f]{64}"), f" {vault}/artifacts/{source}/{stored_by}/{name}", file=stored)
        print(name, key, opened, file=names)
        print(name, key, opened, stored_by, file=seals)
    print("manifest", key, "manifest.sha256", backup, file=seals)
`;

/** Opens one sealed artifact, from standard input to standard output, with a key file. */
export const openSealedScript = `import shutil, sys
from base64 import b64decode
from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient
from aws_encryption_sdk.identifiers import EncryptionKeyType, WrappingAlgorithm
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.raw import RawMasterKeyProvider

key_file, key_id, vault, source, backup, artifact = sys.argv[1:]
key = b64decode(next(line for line in open(key_file) if line.strip() and line[0] != "#").split()[0])

class KeyFile(RawMasterKeyProvider):
    provider_id = "holdfast"
    def _get_raw_key(self, key_id):
        return WrappingKey(WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING, key, EncryptionKeyType.SYMMETRIC)

provider = KeyFile()
provider.add_master_key(key_id)
client = EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT, max_encrypted_data_keys=1)
with client.stream(mode="d", source=sys.stdin.buffer, key_provider=provider) as opened:
    bound = {"holdfast:vault": vault, "holdfast:source": source, "holdfast:backup": backup, "holdfast:artifact": artifact}
    if opened.header.encryption_context != bound:
        sys.exit(f"this was sealed as {opened.header.encryption_context}, not as {bound}")
    shutil.copyfileobj(opened, sys.stdout.buffer, 1 << 20)
`;

export const settingsCommands = `VAULT=/path/to/vault        # this folder, or a copy of the bucket
SOURCE=taskmaster           # a name under manifests/
KEYFILE=/path/to/main.key   # the key file, unless the key is in AWS KMS`;

export const copyBucketCommand = `aws s3 sync s3://BUCKET/PREFIX /path/to/vault`;

export const chooseCommands = String.raw`ls "$VAULT/manifests/$SOURCE"
BACKUP=$(ls "$VAULT/manifests/$SOURCE" | sed -nE 's/^([0-9]{8}T[0-9]{6}Z-[a-z]+(-first)?-[0-9a-z]{6})\.json$/\1/p' |
  sort | awk -v now="$(date -u +%Y%m%dT%H%M%SZ)" '$0 <= now' | tail -n 1)
ls "$VAULT/evidence/$SOURCE/$BACKUP" || echo "nothing was ever checked of $BACKUP"`;

export const readManifestCommand = String.raw`VAULTID=$(sed -nE 's/.*"vaultId":"([0-9a-z]{26})".*/\1/p' "$VAULT/holdfast.json")
python3 read_manifest.py "$VAULT" "$SOURCE" "$BACKUP"`;

export const checkStoredCommand = `sha256sum --check stored.sha256`;

export const installSdkCommands = `python3 -m venv tools
tools/bin/pip install aws-encryption-sdk==3.3.1`;

export const openWithKeyFileCommands = `while read -r name keyid opened storedby; do
  tools/bin/python open_sealed.py "$KEYFILE" "$keyid" "$VAULTID" "$SOURCE" "$storedby" "$name" \\
    < "$VAULT/artifacts/$SOURCE/$storedby/$name" > "$opened"
done < sealed.txt`;

export const installCliCommands = `python3 -m venv tools
tools/bin/pip install aws-encryption-sdk-cli==4.3.0 aws-encryption-sdk==3.3.1`;

export const openWithKmsCommands = `while read -r name keyid opened storedby; do
  tools/bin/aws-encryption-cli --decrypt --suppress-metadata --max-encrypted-data-keys 1 \\
    --wrapping-keys key="\${keyid#kms:}" \\
    --encryption-context "holdfast:vault=$VAULTID" "holdfast:source=$SOURCE" "holdfast:backup=$storedby" "holdfast:artifact=$name" \\
    --input "$VAULT/artifacts/$SOURCE/$storedby/$name" --output "$opened"
done < sealed.txt`;

export const checkManifestCommand = `echo "$(cat manifest.sha256)  $VAULT/manifests/$SOURCE/$BACKUP.json" | sha256sum --check`;

export const decompressCommands = `while read -r name keyid opened; do
  [ "$opened" = "$name" ] || zstd --decompress --rm "$opened" -o "$name"
done < artifacts.txt`;

export const decompressWithPythonCommands = `tools/bin/pip install zstandard==0.25.0
while read -r name keyid opened; do
  [ "$opened" = "$name" ] || tools/bin/python -c \\
    'import sys, zstandard; zstandard.ZstdDecompressor().copy_stream(sys.stdin.buffer, sys.stdout.buffer)' < "$opened" > "$name"
done < artifacts.txt`;

/**
 * Reads a source's erasure ledger: checks that each entry follows the one before it, and writes
 * what is sealed in it.
 */
export const readErasuresScript = String.raw`import base64, hashlib, json, os, re, sys

vault, source = sys.argv[1:]
ledger = f"{vault}/erasures/{source}"
numbers = sorted(name for name in (os.listdir(ledger) if os.path.isdir(ledger) else []) if re.fullmatch(r"\d{10}\.json", name))
os.mkdir("erased")
previous = None
with open("erased.txt", "w") as names:
    for name in numbers:
        with open(f"{ledger}/{name}", "rb") as file:
            data = file.read()
        entry = json.loads(data)["entry"]
        if entry["source"] != source or entry["previous"] != previous:
            sys.exit(f"{name} does not follow the entry before it: one is missing, or somebody put one there")
        previous = hashlib.sha256(data).hexdigest()
        sealed = base64.b64decode(entry["sealed"], validate=True)
        key = re.search(rb"file:[0-9a-f]{16}", sealed) or re.search(rb"arn:[A-Za-z0-9:/_-]+", sealed)
        with open(f"erased/{name[:10]}.sealed", "wb") as file:
            file.write(sealed)
        print(name[:10], ("" if key[0].startswith(b"file:") else "kms:") + key[0].decode(), file=names)
print(len(numbers), "erasures are recorded")
`;

export const readErasuresCommand = `python3 read_erasures.py "$VAULT" "$SOURCE"`;

export const openErasuresWithKeyFileCommands = `while read -r number keyid; do
  tools/bin/python open_sealed.py "$KEYFILE" "$keyid" "$VAULTID" "$SOURCE" erasures erasure \\
    < "erased/$number.sealed" > "erased/$number.json"
  cat "erased/$number.json"; echo
done < erased.txt`;

export const openErasuresWithKmsCommands = `while read -r number keyid; do
  tools/bin/aws-encryption-cli --decrypt --suppress-metadata --max-encrypted-data-keys 1 \\
    --wrapping-keys key="\${keyid#kms:}" \\
    --encryption-context "holdfast:vault=$VAULTID" "holdfast:source=$SOURCE" holdfast:backup=erasures holdfast:artifact=erasure \\
    --input "erased/$number.sealed" --output "erased/$number.json"
  cat "erased/$number.json"; echo
done < erased.txt`;
