/** The commands of the restore instructions, which tests run as they stand. */

/** Reads a manifest into three lists that the commands below go by. */
export const readManifestScript = `import json, sys

vault, source, backup = sys.argv[1:]
manifest = json.load(open(f"{vault}/manifests/{source}/{backup}.json"))
print(manifest["engine"], manifest["kind"], "backup of", source, "as of", manifest["consistencyPoint"]["time"])
with open("stored.sha256", "w") as stored, open("plain.sha256", "w") as plain, open("artifacts.txt", "w") as names:
    for artifact in manifest["artifacts"]:
        name = artifact["name"]
        opened = name + (".zst" if artifact["compression"] == "zstd" else "")
        print(name, artifact["role"], artifact["format"], "compression", artifact["compression"], "key", artifact["keyId"])
        print(artifact["storedSha256"], f" {vault}/artifacts/{source}/{backup}/{name}", file=stored)
        print(artifact["plainSha256"], f" {opened}", file=plain)
        print(name, artifact["keyId"], opened, file=names)
`;

/** Opens one sealed artifact, from standard input to standard output, with a key file. */
export const openSealedScript = `import shutil, sys
from base64 import b64decode
from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient
from aws_encryption_sdk.identifiers import EncryptionKeyType, WrappingAlgorithm
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.raw import RawMasterKeyProvider

key_file, key_id, source, backup, artifact = sys.argv[1:]
key = b64decode(next(line for line in open(key_file) if line.strip() and line[0] != "#").split()[0])

class KeyFile(RawMasterKeyProvider):
    provider_id = "holdfast"
    def _get_raw_key(self, key_id):
        return WrappingKey(WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING, key, EncryptionKeyType.SYMMETRIC)

provider = KeyFile()
provider.add_master_key(key_id)
client = EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT, max_encrypted_data_keys=1)
with client.stream(mode="d", source=sys.stdin.buffer, key_provider=provider) as opened:
    bound = {"holdfast:source": source, "holdfast:backup": backup, "holdfast:artifact": artifact}
    if opened.header.encryption_context != bound:
        sys.exit(f"this was sealed as {opened.header.encryption_context}, not as {bound}")
    shutil.copyfileobj(opened, sys.stdout.buffer, 1 << 20)
`;

export const settingsCommands = `VAULT=/path/to/vault        # this folder, or a copy of the bucket
SOURCE=taskmaster           # a name under manifests/
KEYFILE=/path/to/main.key   # the key file, unless the key is in AWS KMS`;

export const copyBucketCommand = `aws s3 sync s3://BUCKET/PREFIX /path/to/vault`;

export const chooseCommands = `ls "$VAULT/manifests/$SOURCE"
BACKUP=$(ls "$VAULT/manifests/$SOURCE" | sed -n 's/\\.json$//p' | sort | tail -n 1)
ls "$VAULT/evidence/$SOURCE/$BACKUP" || echo "nothing was ever checked of $BACKUP"`;

export const readManifestCommand = `python3 read_manifest.py "$VAULT" "$SOURCE" "$BACKUP"`;

export const checkStoredCommand = `sha256sum --check stored.sha256`;

export const installSdkCommands = `python3 -m venv tools
tools/bin/pip install aws-encryption-sdk==3.3.1`;

export const openWithKeyFileCommands = `while read -r name keyid opened; do
  tools/bin/python open_sealed.py "$KEYFILE" "$keyid" "$SOURCE" "$BACKUP" "$name" \\
    < "$VAULT/artifacts/$SOURCE/$BACKUP/$name" > "$opened"
done < artifacts.txt`;

export const installCliCommands = `python3 -m venv tools
tools/bin/pip install aws-encryption-sdk-cli==4.3.0 aws-encryption-sdk==3.3.1`;

export const openWithKmsCommands = `while read -r name keyid opened; do
  tools/bin/aws-encryption-cli --decrypt --suppress-metadata --max-encrypted-data-keys 1 \\
    --wrapping-keys key="\${keyid#kms:}" \\
    --encryption-context "holdfast:source=$SOURCE" "holdfast:backup=$BACKUP" "holdfast:artifact=$name" \\
    --input "$VAULT/artifacts/$SOURCE/$BACKUP/$name" --output "$opened"
done < artifacts.txt`;

export const checkPlainCommand = `sha256sum --check plain.sha256`;

export const decompressCommands = `while read -r name keyid opened; do
  [ "$opened" = "$name" ] || zstd --decompress --rm "$opened" -o "$name"
done < artifacts.txt`;

export const decompressWithPythonCommands = `tools/bin/pip install zstandard
while read -r name keyid opened; do
  [ "$opened" = "$name" ] || tools/bin/python -c \\
    'import sys, zstandard; zstandard.ZstdDecompressor().copy_stream(sys.stdin.buffer, sys.stdout.buffer)' < "$opened" > "$name"
done < artifacts.txt`;

export const loadPostgresCommands = `psql --no-psqlrc --dbname="$DATABASE_URL" --file=globals.sql
pg_restore --exit-on-error --dbname="$DATABASE_URL" archive.dump`;

export const extractFilesCommands = `mkdir restored
tar --extract --file=files.tar --directory=restored --preserve-permissions --numeric-owner`;
