"""Models of the session life cycle, checked by spin: every state of each model, and every mutant has to be found."""

import re
import unittest

import correspondence
import mutants
import spin

# Model, the options of a variant, and why it is there. Each is searched to its end.
VARIANTS = [
    ("kick", "-DOBJECTS=1", "two kickers, two requests each"),
    ("kick", "-DREQUESTS=1", "two kickers, two objects"),
    ("kick", "-DOBJECTS=1 -DKICKERS=3 -DREQUESTS=1", "three kickers"),
    ("handle", "", "two users, three lives, two slots"),
    ("handle", "-DLIVES=5 -DUSERS=1", "slots are given up"),
    ("session", "-DHOSTS=1", "accepted"),
    ("session", "-DHOSTS=1 -DCALLBACKS=2 -DARRIVALS=1", "accepted, two calls from callbacks"),
    ("session", "-DHOSTS=1 -DCONNECT=1", "connected out"),
    ("session", "-DHOSTS=2 -DCALLBACKS=0 -DARRIVALS=1", "two host threads"),
    ("session", "-DHOSTS=1 -DBATCHES=1", "polled"),
    ("session", "-DHOSTS=1 -DBATCHES=1 -DSTOP=1 -DARRIVALS=1", "polled, stopped"),
    ("session", "-DHOSTS=1 -DSTOP=1 -DARRIVALS=1 -DCALLBACKS=0", "stopped"),
    ("session", "-DHOSTS=1 -DSTOP=1 -DCONNECT=1 -DARRIVALS=1 -DCALLBACKS=0", "connected out, stopped"),
    ("service", "-DCLOSERS=0 -DSTOPPERS=0 -DDESTROYERS=1", "destroy alone, and from a callback"),
    ("service", "-DCLOSERS=0 -DSTOPPERS=0 -DDESTROYERS=1 -DSTRANGERS=1 -DARRIVALS=1", "and from another's callback"),
    ("service", "-DCLOSERS=1 -DSTOPPERS=0 -DDESTROYERS=1 -DLATE", "a listener is closed, then destroy"),
    ("service", "-DCLOSERS=1 -DSTOPPERS=0 -DDESTROYERS=2 -DARRIVALS=1", "a listener is closed while two destroy"),
    ("service", "-DCLOSERS=0 -DSTOPPERS=1 -DDESTROYERS=2 -DARRIVALS=1", "stop while two destroy"),
]

# Without a deadlock and without a cycle every run comes to its end: what is claimed is pursued. It costs more.
CYCLE_VARIANTS = [
    ("kick", "-DREQUESTS=1 -DCOMPLETIONS=0"),
    ("handle", "-DUSERS=1"),
    ("session", "-DHOSTS=1 -DARRIVALS=1"),
    ("session", "-DHOSTS=1 -DARRIVALS=1 -DCONNECT=1"),
    ("session", "-DHOSTS=1 -DARRIVALS=1 -DBATCHES=1"),
    ("service", "-DCLOSERS=0 -DSTOPPERS=0 -DDESTROYERS=1"),
]


def line(what, result):
    print(f"\n    {what}: {result.states} states, {result.seconds} s, {result.killer or 'nothing found'}", flush=True)


class Models(unittest.TestCase):
    """A method for each variant and mutant is added below."""

    def assert_searched(self, result):
        self.assertIsNone(result.killer)
        self.assertTrue(result.complete, result.output)


class Mutants(unittest.TestCase):
    pass


class Correspondence(unittest.TestCase):
    def test_functions_of_the_table_are_in_the_code_and_in_the_model(self):
        self.assertEqual(correspondence.faults(), [])

    def test_every_inline_of_a_model_is_in_the_table(self):
        self.assertEqual(correspondence.forgotten(), [])

    def test_a_renamed_function_is_found(self):
        row = ("session", "look", "impl/net/session.c", "icn_session_look_elsewhere")
        self.assertEqual(len(correspondence.faults([row])), 1)

    def test_a_renamed_inline_is_found(self):
        row = ("session", "look_elsewhere", "impl/net/session.c", "icn_session_look")
        self.assertEqual(len(correspondence.faults([row])), 1)


class Search(unittest.TestCase):
    def test_a_search_that_is_cut_off_is_not_taken_for_complete(self):
        whole = "State-vector 8 byte, depth reached 9, errors: 0\n"
        self.assertTrue(spin.read(whole).complete)
        self.assertFalse(spin.read("error: max search depth too small\n" + whole).complete)
        self.assertFalse(spin.read("pan: reached -DMEMLIM bound\n" + whole).complete)

    def test_replacement_that_does_not_fit_is_refused(self):
        mutant = mutants.mutant("unfit", "kick", "", ("no such text", ""))
        self.assertRaises(ValueError, spin.mutated, mutant)


def name_of(*words):
    return "test_" + re.sub(r"\W+", "_", " ".join(words)).strip("_")


def add_variant(model, options, why):
    def test(self):
        result = spin.check(spin.source_of(model), options.split())
        line(f"{model} {options}", result)
        self.assert_searched(result)
    setattr(Models, name_of(model, why), test)


def add_cycle_variant(model, options):
    def test(self):
        result = spin.check(spin.source_of(model), options.split(), spin.CYCLES)
        line(f"{model} {options}", result)
        self.assert_searched(result)
    setattr(Models, name_of(model, options.replace("-D", ""), "always ends"), test)


def add_mutant(mutant):
    def test(self):
        result = spin.check(spin.mutated(mutant), mutant.options)
        line(mutant.name, result)
        self.assertIsNotNone(result.killer, "this mutant was not found")
    setattr(Mutants, name_of(mutant.model, mutant.name), test)


for variant in VARIANTS:
    add_variant(*variant)
for cycle_variant in CYCLE_VARIANTS:
    add_cycle_variant(*cycle_variant)
for each in mutants.MUTANTS:
    add_mutant(each)
