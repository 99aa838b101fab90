"""What is made of figures: quotients, verdicts, tables, plots."""

import unittest
import xml.etree.ElementTree

import contestants
import noise
import plots
import report
import slices
import tables
import verdict
from comparison import Comparison, cpu_ns
from slices import Slice
from spread import Spread, spread
from workload import Workload

WORKLOAD = Workload("some", "closed", 1)


def taken(key, number, cpu, foreign=0.0):
    return Slice(key, number, {"server_cpu_ns": cpu * 10, "messages": 10, "seconds": 1}, foreign)


class Spreads(unittest.TestCase):
    def test_quartiles_are_among_the_values(self):
        self.assertEqual(spread([5, 1, 3, 2, 4]), Spread(2, 3, 4, 5))

    def test_a_single_value_is_all_there_is(self):
        self.assertEqual(spread([7]), Spread(7, 7, 7, 1))

    def test_four_times_the_values_halve_the_error(self):
        self.assertAlmostEqual(Spread(1, 2, 3, 9).error / 2, Spread(1, 2, 3, 36).error)


class Order(unittest.TestCase):
    def setUp(self):
        self.keys = [each.key for each in contestants.ALL]

    def test_reference_comes_first_last_and_after_every_second_server(self):
        order = [key for _, key in slices.sequence(self.keys, 3, lambda items: None)]
        self.assertEqual({i for i, key in enumerate(order) if key == "epoll"}, set(range(0, len(order), 3)))
        self.assertEqual(order[-1], "epoll")

    def test_every_server_has_one_slice_a_round(self):
        order = slices.sequence(self.keys, 4, lambda items: items.reverse())
        for key in self.keys[1:]:
            self.assertEqual([number for number, each in order if each == key], [0, 1, 2, 3])

    def test_io_uring_port_stands_beside_its_hand_written_server(self):
        order = [key for _, key in slices.sequence(self.keys, 1, lambda items: items.reverse())]
        self.assertEqual(abs(order.index("uring") - order.index("iocpnet-uring")), 1)

    def test_reference_alone_is_an_order(self):
        self.assertEqual(slices.sequence(["epoll"], 2, lambda items: None), [(0, "epoll"), (1, "epoll"), (2, "epoll")])


class Ratios(unittest.TestCase):
    def test_a_drift_of_the_machine_is_no_difference(self):
        keys = ["epoll", "uv", "epoll", "uv", "epoll"]
        found = Comparison(WORKLOAD, [taken(key, i // 2, 100 + 10 * i) for i, key in enumerate(keys)])
        self.assertEqual(found.ratios("uv"), [1.0, 1.0])

    def test_a_server_that_takes_twice_as_much_has_two(self):
        found = Comparison(WORKLOAD, [taken("epoll", 0, 50), taken("uv", 0, 100), taken("epoll", 1, 50)])
        self.assertEqual(found.ratios("uv"), [2.0])

    def test_two_servers_are_compared_within_a_round(self):
        places = [("epoll", 0, 10), ("uv", 0, 30), ("asio", 0, 10), ("epoll", 1, 10), ("uv", 1, 20), ("asio", 1, 40),
                  ("epoll", 2, 10)]
        found = Comparison(WORKLOAD, [taken(*place) for place in places])
        self.assertEqual(found.ratios("uv", "asio"), [3.0, 0.5])

    def test_best_is_the_one_with_the_least_cpu(self):
        found = Comparison(WORKLOAD, [taken("epoll", 0, 10), taken("uv", 0, 12), taken("asio", 0, 11)])
        self.assertEqual(found.best(contestants.LIBRARIES), contestants.ASIO)
        self.assertIsNone(found.best(contestants.PORTS))

    def test_cpu_is_per_message(self):
        self.assertEqual(cpu_ns({"server_cpu_ns": 600, "messages": 3}), 200)


class Noise(unittest.TestCase):
    def test_cpu_time_of_others_is_foreign(self):
        before, after = noise.Moment(0, 10, 5, 3), noise.Moment(1, 11.8, 5.2, 4)
        self.assertAlmostEqual(noise.foreign_share(before, after, cpus=2), 0.8)

    def test_own_cpu_time_is_not_foreign(self):
        before, after = noise.Moment(0, 10, 5, 3), noise.Moment(1, 11.5, 5.5, 4.5)
        self.assertAlmostEqual(noise.foreign_share(before, after, cpus=2), 0)

    def test_slice_with_foreign_load_is_disturbed(self):
        self.assertTrue(taken("uv", 0, 1, foreign=noise.FOREIGN_SHARE_MAX * 1.1).disturbed)
        self.assertFalse(taken("uv", 0, 1, foreign=noise.FOREIGN_SHARE_MAX * 0.9).disturbed)


class Verdicts(unittest.TestCase):
    SURE = Spread(1.00, 1.01, 1.02, 36)
    UNSURE = Spread(0.8, 1.01, 1.3, 9)

    def test_a_median_within_the_limit_meets_the_goal(self):
        self.assertEqual(verdict.at_most("", self.SURE, 1.02).outcome, verdict.MET)
        self.assertEqual(verdict.at_least("", self.SURE, 1.005).outcome, verdict.MET)

    def test_a_median_beyond_the_limit_does_not(self):
        self.assertEqual(verdict.at_most("", self.SURE, 1.0).outcome, verdict.NOT_MET)
        self.assertEqual(verdict.at_least("", self.SURE, 1.02).outcome, verdict.NOT_MET)

    def test_an_error_beyond_the_tolerance_decides_nothing_near_the_limit(self):
        self.assertEqual(verdict.at_most("", self.UNSURE, 1.03).outcome, verdict.TOO_NOISY)

    def test_an_error_beyond_the_tolerance_does_not_matter_far_from_the_limit(self):
        self.assertEqual(verdict.at_most("", self.UNSURE, 2).outcome, verdict.MET)

    def test_mostly_disturbed_slices_decide_nothing(self):
        self.assertEqual(verdict.at_most("", self.SURE, 2, disturbed_share=0.6).outcome, verdict.TOO_NOISY)

    def test_no_worse_allows_for_the_error_and_not_more(self):
        self.assertEqual(verdict.no_worse("", Spread(0.99, 1.002, 1.01, 36), 0.05).outcome, verdict.MET)
        self.assertEqual(verdict.no_worse("", Spread(1.04, 1.05, 1.06, 36), 0.05).outcome, verdict.NOT_MET)


class Written(unittest.TestCase):
    TABLE = tables.Table("Some", ["server", "ns"], [["libuv", "1,234"], ["x", "5"]])

    def test_columns_are_aligned(self):
        self.assertEqual(self.TABLE.text(), "Some\nserver     ns\nlibuv   1,234\nx           5")

    def test_markdown_has_a_rule_that_aligns_numbers_right(self):
        self.assertEqual(self.TABLE.markdown().splitlines()[2:],
                         ["| server |    ns |", "| ------ | ----: |", "| libuv  | 1,234 |", "| x      |     5 |"])

    def test_plot_is_xml_with_a_point_for_each_server(self):
        text = plots.svg([plots.Panel("a < b", [("libuv", spread([1, 2])), ("Asio & co", spread([2]))])])
        root = xml.etree.ElementTree.fromstring(text)
        self.assertEqual(len(root.findall(".//{*}circle")), 2)

    def test_a_value_far_off_is_an_arrow_and_leaves_room_for_the_others(self):
        rows = [("libuv", spread([1])), ("Asio", spread([2])), ("libevent", spread([90]))]
        root = xml.etree.ElementTree.fromstring(plots.svg([plots.Panel("some", rows)]))
        places = [float(circle.get("cx")) for circle in root.findall(".//{*}circle")]
        self.assertEqual(len(root.findall(".//{*}path")), 1)
        self.assertGreater(places[1] - places[0], 300)

    def test_index_adds_the_verdicts_of_a_page_up(self):
        page = "# T\n\n- goal met: a\n- too noisy: b\n- goal met: c\n"
        self.assertEqual(report.outcomes(page), "2 goal met, 1 too noisy")
