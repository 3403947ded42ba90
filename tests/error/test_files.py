"""Files that are missing, broken, hostile or too large."""

import json
import os
import unittest

from harness import SIM, TOPO, ProgramTest, changed, without

# flag -> shipped folder and a name in it
INPUTS = {
    "--cluster": ("topologies", "dgx-h100"),
    "--model": ("models", "llama3-8b"),
    "--runtime": ("runtimes", "hsap"),
}


def with_input(flag, path):
    """A question that reads `path` for the flag."""
    command = changed(SIM, flag, path)
    if flag == "--model":
        command = without(without(command, "--heads"), "--kv-heads")
    return command


def traced(path):
    return [*without(SIM, "--documents"), "--trace", path, "--context", "64K"]


class Files(ProgramTest):
    def test_shipped_inputs_copied_by_path_are_fine(self):
        for flag, (folder, name) in INPUTS.items():
            copy = self.file(f"{name}-copy.json", self.shipped(folder, name))
            self.answer(with_input(flag, copy))

    def test_missing_file(self):
        for flag in INPUTS:
            path = self.folder / "no-such.json"
            self.refuse(with_input(flag, path), path, "no such file")
        self.refuse(traced(self.folder / "no-such.txt"), "no-such.txt", "no such file")

    def test_unknown_name_lists_near_misses(self):
        self.refuse(with_input("--cluster", "dgx-h10"), "'dgx-h10'", "'dgx-h100'")
        self.refuse(with_input("--model", "llama3-8"), "'llama3-8'", "'llama3-8b'")
        self.refuse(with_input("--runtime", "ideel"), "'ideel'", "'ideal'")
        self.refuse(traced("wlb-lm"), "'wlb-lm'", "'wlb-llm'")

    def test_files_of_the_current_folder_are_no_shipped_names(self):
        for name in ("hsap", "dgx-h100", "mine"):
            self.file(name, "hello")
        self.answer(SIM, cwd=self.folder)
        self.refuse(with_input("--cluster", "mine"), "'mine'", "or './mine'", cwd=self.folder)
        self.refuse(with_input("--cluster", "./mine"), "./mine: line 1", cwd=self.folder)

    def test_folder_instead_of_file(self):
        for flag in INPUTS:
            self.refuse(with_input(flag, f"{self.folder}/"), self.folder)

    def test_truncated_json(self):
        for flag, (folder, name) in INPUTS.items():
            text = json.dumps(self.shipped(folder, name))
            path = self.file("half.json", text[:len(text) // 2])
            self.refuse(with_input(flag, path), path, "not valid JSON", "line 1", "end of file")

    def test_binary_garbage(self):
        path = self.file("garbage.json", bytes(range(256)) * 64)
        for flag in INPUTS:
            self.refuse(with_input(flag, path), path, "not valid JSON", "line 1")
        for name in ("garbage.txt", "garbage.csv", "garbage.jsonl"):
            path = self.file(name, bytes(range(256)) * 64)
            self.refuse(traced(path), path)

    def test_empty_file(self):
        path = self.file("empty.json", "")
        for flag in INPUTS:
            self.refuse(with_input(flag, path), path)
        self.refuse(traced(self.file("empty.txt", "")), "empty.txt")

    def test_deeply_nested_json(self):
        path = self.file("deep.json", "[" * 200000)
        for flag in INPUTS:
            self.refuse(with_input(flag, path), path)

    def test_unknown_key_is_named(self):
        for flag, (folder, name) in INPUTS.items():
            spoiled = self.shipped(folder, name) | {"no_such_key": 1}
            path = self.file("extra.json", spoiled)
            self.refuse(with_input(flag, path), path, "/no_such_key", "unknown key")

    def test_wrong_type(self):
        cluster = self.shipped("topologies", "dgx-h100")
        cluster["nic"]["bandwidth_bytes_per_s"] = "fast"
        path = self.file("cluster.json", cluster)
        self.refuse(with_input("--cluster", path), path, "/nic/bandwidth_bytes_per_s",
                    "wrong type", '"fast"', "expected")
        model = self.shipped("models", "llama3-8b") | {"layers": [32]}
        path = self.file("model.json", model)
        self.refuse(with_input("--model", path), path, "/layers", "wrong type")

    def test_huge_numbers(self):
        model = self.shipped("models", "llama3-8b") | {"layers": 2**60}
        path = self.file("model.json", model)
        self.refuse(with_input("--model", path), path, "/layers", str(2**60))
        cluster = self.shipped("topologies", "dgx-h100")
        cluster["node"]["devices"]["gpu"] = 2**60
        path = self.file("cluster.json", cluster)
        self.refuse(changed(TOPO, "--cluster", path), path, "/node/devices/gpu", str(2**60))

    def test_ten_gigabytes_of_lengths(self):
        path = self.file("lengths.txt", "512\n")
        os.truncate(path, 10 << 30)  # sparse: takes no space
        self.refuse(traced(path), path, "too large")


class ClusterFiles(ProgramTest):
    def refuse_cluster(self, cluster, *needles):
        path = self.file("cluster.json", cluster)
        self.refuse(changed(TOPO, "--cluster", path), path, *needles)
        self.refuse(changed(SIM, "--cluster", path), path, *needles)

    def test_disconnected_graph(self):
        cluster = self.shipped("topologies", "dgx-h100")
        cluster["node"]["links"] = [
            link for link in cluster["node"]["links"] if not link[0].startswith("gpu")]
        cluster["node"]["links"].append(["gpu[0-6]", "nvswitch0", "nvlink"])
        self.refuse_cluster(cluster, "gpu7")

    def test_not_a_number(self):
        cluster = self.shipped("topologies", "dgx-h100")
        cluster["nic"]["bandwidth_bytes_per_s"] = float("nan")  # json.dumps writes NaN
        self.refuse_cluster(cluster, "not valid JSON", "NaN")

    def test_negative_and_zero_bandwidth(self):
        for bandwidth in (-1, 0):
            cluster = self.shipped("topologies", "dgx-h100")
            cluster["nvlink"]["bandwidth_bytes_per_s"] = bandwidth
            self.refuse_cluster(cluster, "/nvlink/bandwidth_bytes_per_s", str(bandwidth), "above 0")

    def test_unknown_device(self):
        cluster = self.shipped("topologies", "dgx-h100")
        cluster["node"]["links"].append(["gpu9", "nvswitch0", "nvlink"])
        self.refuse_cluster(cluster, "/node/links/", "gpu9")


class TraceFiles(ProgramTest):
    def refuse_trace(self, name, content, *needles):
        path = self.file(name, content)
        self.refuse(traced(path), path, *needles)

    def test_negative_length(self):
        self.refuse_trace("lengths.txt", "512\n-4\n", "line 2", "-4")
        self.refuse_trace("lengths.csv", "length\n512\n-4\n", "line 3", "-4")
        self.refuse_trace("lengths.jsonl", '{"length": 512}\n{"length": -4}\n', "line 2", "-4")
        self.refuse_trace("lengths.json", [512, -4], "/1", "-4")

    def test_zero_and_words(self):
        self.refuse_trace("lengths.txt", "0\n", "line 1", "0")
        self.refuse_trace("lengths.txt", "1\ntwo\n", "line 2", "two")

    def test_huge_length(self):
        self.refuse_trace("lengths.txt", f"{2**60}\n", "line 1", str(2**60))
        self.refuse_trace("lengths.txt", f"{10**40}\n", "line 1")

    def test_no_length_column(self):
        self.refuse_trace("lengths.csv", "size\n512\n", "line 1")
        self.refuse_trace("lengths.jsonl", '{"size": 512}\n', "line 1")


if __name__ == "__main__":
    unittest.main()
